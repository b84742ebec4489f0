package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// request is one that left, or is about to.
type request struct {
	id    string
	began time.Time
}

// depart stores what must be known of the items before they leave, so that it
// survives whatever happens then. It returns those that may leave: what somebody
// changed since it was read is read again; what another request may still be at
// work on has to wait. A lost lease stops everything.
func (r *round) depart(ctx context.Context, items []item) ([]item, error) {
	r.request = request{id: r.p.NewToken(), began: r.session.Now()}
	rows := make([]ledger.Departing, len(items))
	for i, it := range items {
		rows[i] = ledger.Departing{Kind: kind(it.out), Before: it.read, After: it.out.Marked}
	}
	marked, err := r.session.Mark(ctx, ledger.Departure{Request: r.request.id, Life: r.p.Life, Rows: rows})
	if err != nil {
		r.takeBack(ctx, items)
		return nil, unmarked(err)
	}
	going, held := make([]item, 0, len(items)), []holding(nil)
	for i, m := range marked {
		switch {
		case m.Left:
			going = append(going, items[i])
		case m.Held.IsZero():
			r.outdated = append(r.outdated, items[i].out.UserID)
		default:
			held = append(held, holding{items[i].read, m.Held, m.Lost})
		}
	}
	return going, r.hold(ctx, held)
}

// unmarked says why nothing left.
func unmarked(err error) error {
	if errors.Is(err, ledger.ErrNotDurable) {
		return fault.Wrap(fault.QueueUnavailable, err, "nothing was sent: %s", err)
	}
	return err
}

func kind(out sponsorship.Outgoing) ledger.Kind {
	switch {
	case out.Tombstone:
		return ledger.Withdraw
	case out.Marked.Wire.Known:
		return ledger.Refresh
	}
	return ledger.Offer
}

// holding is a row that must not leave before a time.
type holding struct {
	row   sponsorship.Sponsorship
	until time.Time
	lost  bool // see ledger.Marked
}

func (h holding) held(until, now time.Time) (sponsorship.Sponsorship, bool) {
	if h.lost {
		return sponsorship.HeldBack(h.row, until, now)
	}
	return sponsorship.Held(h.row, until, now)
}

// hold notes why rows wait, and until when. What is not pending was to be sent by a
// full sync, which cannot end before it was.
func (r *round) hold(ctx context.Context, held []holding) error {
	var batch []ledger.Write
	for _, h := range held {
		until := h.until.Truncate(time.Second).Add(time.Second)
		r.waitFor(until)
		after, changed := h.held(until, r.session.Now())
		if !changed {
			r.behind = true
			continue
		}
		w, err := ledger.Announced(h.row, after)
		if err != nil {
			return err
		}
		w.DueAt = until
		batch = append(batch, w)
	}
	_, err := r.session.Apply(ctx, batch, ledger.Ended{})
	return err
}

// waitFor notes when the full sync can go on, the earliest time of all.
func (r *round) waitFor(until time.Time) {
	if r.waits == nil || until.Before(*r.waits) {
		r.waits = &until
	}
}

// undelivered stores what is certain about a request that brought no answer, and
// returns err. Its marks are taken back where the cloud did not act: else a redeem
// with a typing error could not be corrected any more, only because the token was
// wrong. Where the cloud may be at work still, the rows wait. Whatever goes wrong
// here, a mark too many is safe.
func (r *round) undelivered(parent context.Context, items []item, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), cleanupTimeout)
	defer cancel()
	switch cloud.FateOf(err) {
	case cloud.NeverLeft, cloud.Refused:
		r.takeBack(ctx, items)
	case cloud.CarriedOut:
		r.note(r.finish(ctx, nil, r.ended(items)))
	case cloud.NotEnded:
		r.note(r.hold(ctx, r.unanswered(items)))
	}
	return err
}

// takeBack undoes what depart stored.
func (r *round) takeBack(parent context.Context, items []item) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), cleanupTimeout)
	defer cancel()
	_, err := r.session.Apply(ctx, unmarks(items), r.ended(items))
	r.note(err)
}

// unanswered are the rows that must not leave again soon. One that the cloud only
// answers for may.
func (r *round) unanswered(items []item) []holding {
	var held []holding
	for _, it := range items {
		if kind(it.out) != ledger.Refresh {
			held = append(held, holding{row: it.out.Marked, until: r.request.began.Add(r.p.Life)})
		}
	}
	return held
}

func (r *round) ended(items []item) ledger.Ended {
	return ledger.Ended{Request: r.request.id, Rows: ids(items)}
}

// note is for what may fail without harm.
func (r *round) note(err error) {
	if err != nil {
		r.p.Log.Debug().Err(err).Msg("store what became of a request")
	}
}

func ids(items []item) []sponsorship.ID {
	all := make([]sponsorship.ID, len(items))
	for i, it := range items {
		all[i] = it.out.UserID
	}
	return all
}
