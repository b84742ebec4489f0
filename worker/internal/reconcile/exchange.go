package reconcile

import (
	"context"
	"errors"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// exchange is one batch: plan, then for each request mark, send, apply.
func (r *round) exchange(ctx context.Context, rows []sponsorship.Sponsorship) error {
	if err := r.room(ctx, len(rows)); err != nil {
		return err
	}
	plan := planBatch(rows, r.moment(), r.trigger == ledger.Manual)
	if err := r.store(ctx, plan.local); err != nil {
		return err
	}
	together, alone := apart(plan.send)
	for len(together) > 0 {
		n := fitting(together, r.limits())
		if err := r.deliver(ctx, together[:n]); err != nil {
			return err
		}
		if n == len(together) {
			break
		}
		var err error
		if together, err = r.planAgain(ctx, together[n:]); err != nil {
			return err
		}
	}
	for _, it := range alone {
		if err := r.deliverAlone(ctx, it); err != nil {
			return err
		}
	}
	return nil
}

// deliver sends the items and stores what comes of them. Where the cloud fails
// again and again, it looks for the rows that make it.
func (r *round) deliver(ctx context.Context, items []item) error {
	_, err := r.try(ctx, items)
	if choked(err) && r.session.Organization.ServerErrors >= serverErrorLimit {
		return r.isolate(ctx, items, err)
	}
	return err
}

// deliverAlone tries a row that has made a request fail before. If it does so
// again it stays as it is, and harms nobody else.
func (r *round) deliverAlone(ctx context.Context, it item) error {
	_, err := r.try(ctx, []item{it})
	if !choked(err) {
		return err
	}
	r.chokedAlone = err
	if it.out.Marked.Status == sponsorship.Refused {
		r.refused++
	}
	return nil
}

// try sends the items in one request, when its turn has come, and stores what
// comes of it. It returns what really went: as it is by now, without what was
// changed or may not leave yet.
func (r *round) try(ctx context.Context, items []item) ([]item, error) {
	for {
		waited, err := r.turn(ctx)
		if waited && err == nil { // what was planned before is old news
			items, err = r.planAgain(ctx, items)
		}
		if err != nil {
			return nil, err
		}
		going, err := r.depart(ctx, items)
		if err != nil || len(going) == 0 {
			return nil, err
		}
		answers, err := r.transmit(ctx, going)
		if err == nil {
			return going, r.apply(ctx, going, answers)
		}
		err = r.undelivered(ctx, going, err)
		if !errors.Is(err, cloud.ErrTokenDied) {
			return going, err
		}
	}
}

// choked reports whether the cloud was up, took the request and failed on it.
func choked(err error) bool {
	answer, ok := errors.AsType[*cloud.Error](err)
	return ok && answer.ServerError
}

// turn waits until a request may leave, unless its turn has come already. It
// reports whether it had to ask.
func (r *round) turn(ctx context.Context) (waited bool, err error) {
	if r.hasTurn {
		return false, nil
	}
	err = r.p.Cloud.Turn(ctx, r.lane)
	r.hasTurn = err == nil
	return true, err
}

// send sends what no row depends on; again if the token died early.
func (r *round) send(ctx context.Context, items []item) error {
	for {
		if _, err := r.turn(ctx); err != nil {
			return err
		}
		if _, err := r.transmit(ctx, items); !errors.Is(err, cloud.ErrTokenDied) {
			return err
		}
	}
}

// transmit uses the turn up. It waits for nothing but the answer.
func (r *round) transmit(ctx context.Context, items []item) ([]cloud.RowAnswer, error) {
	r.hasTurn = false
	r.requests++
	r.sent++
	r.rows += len(items)
	answers, err := r.p.Cloud.Sync(ctx, cloud.SyncRequest{
		BillingSyncKey:      r.connection.BillingSyncToken,
		CloudOrganizationID: string(r.connection.CloudOrganizationID),
		Rows:                wire(items),
	})
	r.caution, r.most = careful(r.caution, err), fewer(r.most, len(items), err)
	return answers, err
}

func (r *round) store(ctx context.Context, changes []change) error {
	return r.finish(ctx, changes, ledger.Ended{})
}

// finish stores changes, and that a request has ended.
func (r *round) finish(ctx context.Context, changes []change, ended ledger.Ended) error {
	batch, err := writes(changes)
	if err != nil {
		return err
	}
	stored, err := r.session.Apply(ctx, batch, ended)
	for i, ok := range stored {
		if ok {
			r.count(batch[i])
		}
	}
	return err
}

func (r *round) count(w ledger.Write) {
	switch w.After.Status {
	case sponsorship.Removed:
		r.removed++
	case sponsorship.Refused:
		r.refused++
	}
}
