package reconcile

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// maxBatches ends a round that new work keeps alive, so that its success is told
// in time. It does not end a full sync.
const maxBatches = 50

// fullOrder is the order in which a full sync reads what is not due. A row that
// an answer moves on lands in a status that was read before, so that none is
// sent twice.
func fullOrder() []sponsorship.Status {
	return []sponsorship.Status{
		sponsorship.Refused, sponsorship.Pending, sponsorship.Expiring, sponsorship.Redeemed, sponsorship.Sent,
	}
}

// round is one pass that ends with one sync event.
type round struct {
	*Reconciler
	*visit
	session    *ledger.Session
	connection state.Connection
	trigger    ledger.Trigger
	began      time.Time

	full     bool      // everything, not only what is due
	since    time.Time // rows confirmed since then need not go again: they went as what was due
	cursor   string
	read     bool             // the full sync has read its last page
	ahead    []sponsorship.ID // read by the full sync, and not yet sent
	behind   bool             // one of them could not be sent
	waits    *time.Time       // the full sync cannot go on before
	outdated []sponsorship.ID // changed between being read and being marked; read again

	batches     int
	caution     int                     // so many requests still go with few new rows
	most        int                     // rows of a request that the cloud answers in time; 0: it always has
	chokedAlone error                   // of a row that the cloud failed alone, as it has before
	postponed   map[sponsorship.ID]bool // go when nothing else is left

	hasTurn bool // a request may leave
	request request

	requests, rows, removed, refused int
	taken, passedOver                int          // rows of the answers; rows that the cloud knows, and left out
	told                             *fault.Error // what the settled round had to tell all the same
}

func (r *Reconciler) newRound(s *ledger.Session, v *visit) *round {
	trigger := ledger.Pending
	full, since, by := s.FullOutstanding()
	if full {
		trigger = by
	}
	cursor := s.FullCursor()
	return &round{
		Reconciler: r, visit: v, session: s, trigger: trigger, began: s.Now(), caution: s.Caution(), most: s.Most(),
		full: full, since: since, cursor: cursor, read: !full || cursor == allRead,
		postponed: map[sponsorship.ID]bool{},
	}
}

// run sends batch after batch until nothing is left, then records the success.
func (r *round) run(ctx context.Context) (err error) {
	if err := r.room(ctx, 0); err != nil {
		return err
	}
	if r.connection, err = r.p.Ledger.Connection(ctx, r.session.Organization.ID); err != nil {
		return err
	}
	if r.session.Suspected() { // nothing more is offered into damaged records
		if err := r.examine(ctx, nil); err != nil {
			return err
		}
	}
	for {
		batch, err := r.nextOrPostponed(ctx)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			break
		}
		if err := r.exchange(ctx, batch); err != nil {
			return err
		}
		if err := r.progress(ctx); err != nil {
			return err
		}
	}
	if r.chokedAlone != nil && r.taken == 0 { // nothing has shown that it is the rows
		if err := r.examine(ctx, r.chokedAlone); err != nil {
			return err
		}
	}
	return r.end(ctx)
}

// end records the success, if there is any.
func (r *round) end(ctx context.Context) error {
	if r.full {
		waiting, err := r.session.Waiting(ctx)
		switch {
		case err != nil:
			return err
		case waiting.Next != nil:
			r.waitFor(*waiting.Next)
		}
		if r.waits != nil { // it is not answered yet
			return nil
		}
		if _, err := r.session.Recode(ctx); err != nil {
			return err
		}
		if r.requests == 0 { // an empty batch proves token and connection
			if err := r.send(ctx, nil); err != nil {
				return err
			}
		}
	}
	if r.requests == 0 {
		return nil
	}
	return r.settle(ctx)
}

// nextOrPostponed returns the next batch, or what was postponed when there is none.
func (r *round) nextOrPostponed(ctx context.Context) ([]sponsorship.Sponsorship, error) {
	if r.batches++; r.full || r.batches <= maxBatches {
		if batch, err := r.next(ctx); err != nil || len(batch) > 0 {
			return batch, err
		}
	}
	waiting := slices.Sorted(maps.Keys(r.postponed))
	clear(r.postponed)
	return r.p.Ledger.Get(ctx, r.session.Organization.ID, waiting...)
}

// next reads the rows of one request, once its turn has come: what is due and, in
// a full sync, as much of the rest as fits. Empty means that nothing is left.
func (r *round) next(ctx context.Context) ([]sponsorship.Sponsorship, error) {
	due, err := r.linger(ctx)
	if err != nil {
		return nil, err
	}
	if due == 0 && len(r.outdated) == 0 {
		if err := r.readAhead(ctx); err != nil || len(r.ahead) == 0 {
			return nil, err
		}
	}
	if _, err := r.turn(ctx); err != nil {
		return nil, err
	}
	batch, err := r.session.Due(ctx, r.p.BatchSize)
	if err != nil {
		return nil, err
	}
	for _, s := range batch { // put off for long enough, or asked for anew
		delete(r.postponed, s.UserID)
	}
	if err := r.readAhead(ctx); err != nil {
		return nil, err
	}
	fitting := min(len(r.ahead), max(0, r.p.BatchSize-len(batch)))
	rest, err := r.p.Ledger.Get(ctx, r.session.Organization.ID, append(r.outdated, r.ahead[:fitting]...)...)
	if err != nil {
		return nil, err
	}
	r.outdated, r.ahead = nil, r.ahead[fitting:]
	batch = append(batch, r.notYetSynced(rest)...)
	if len(batch) == 0 { // all of it has gone or become due meanwhile
		return r.next(ctx)
	}
	return batch, nil
}

// readAhead reads on in the full sync until it has found a request's worth of rows.
func (r *round) readAhead(ctx context.Context) error {
	for len(r.ahead) < r.p.BatchSize && !r.read && !r.behind {
		page, cursor, err := r.p.Ledger.List(ctx, r.session.Organization.ID, state.Page{
			Statuses: fullOrder(), Limit: r.p.BatchSize - len(r.ahead), Cursor: r.cursor,
		})
		if err != nil {
			return err
		}
		r.cursor, r.read = cursor, cursor == ""
		for _, s := range r.notYetSynced(page) {
			r.ahead = append(r.ahead, s.UserID)
		}
	}
	return nil
}

// allRead is the cursor of a full sync that has sent its last page.
const allRead = "end"

// progress notes how far the full sync has come, so that it goes on there.
func (r *round) progress(ctx context.Context) error {
	if !r.full || len(r.ahead) > 0 || len(r.postponed) > 0 || r.behind {
		return nil
	}
	cursor := r.cursor
	if r.read {
		cursor = allRead
	}
	return r.session.Progress(ctx, cursor)
}

// notYetSynced leaves out what is due (it travels as such), what is postponed, and
// what an interrupted full sync has confirmed already.
func (r *round) notYetSynced(page []sponsorship.Sponsorship) []sponsorship.Sponsorship {
	kept := page[:0]
	for _, s := range page {
		if !s.Due() && !r.postponed[s.UserID] && (s.LastSyncAt == nil || s.LastSyncAt.Before(r.since)) {
			kept = append(kept, s)
		}
	}
	return kept
}

// maxLingers bounds how often one batch waits for more.
const maxLingers = 20

// linger gives a batch that is not full and still growing a little time: ten
// thousand redeems then cost a dozen requests. It returns how many rows are due.
func (r *round) linger(ctx context.Context) (int64, error) {
	seen, err := r.session.Waiting(ctx)
	for waits := 0; r.p.Linger > 0 && waits < maxLingers && err == nil && seen.Due > 0 && seen.Due < int64(r.p.BatchSize); waits++ {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(r.p.Linger):
		}
		before := seen.Due
		if seen, err = r.session.Waiting(ctx); seen.Due <= before {
			break
		}
	}
	return seen.Due, err
}

// spread is by which part of the interval the next daily sync is put off at most,
// so that a herd that was due at once does not stay together.
const spread = 0.1

func (r *round) settle(ctx context.Context) error {
	now := r.session.Now()
	r.told = r.planFault()
	event, err := r.event(r.told)
	if err != nil {
		return err
	}
	next := r.p.Interval + time.Duration(float64(r.p.Interval)*spread*r.p.Rand())
	if err := r.session.Settle(ctx, ledger.Settled{Full: r.full, Next: next, Fault: r.told, Caution: r.caution, Most: r.most, Event: event}); err != nil {
		return err
	}
	if r.told != nil {
		r.p.Log.Warn().Stringer("organization", r.session.Organization.ID).Str("trigger", string(r.trigger)).
			Str("code", string(r.told.Code)).Str("error", r.told.Message).Str("hint", r.told.Hint()).Msg("the cloud answered, but no longer for all that it knows")
	}
	r.p.Observe(r.session.Organization.ID, now)
	r.p.Log.Info().Stringer("organization", r.session.Organization.ID).Str("trigger", string(r.trigger)).
		Int("requests", r.requests).Int("rows", r.rows).Int("removed", r.removed).Int("refused", r.refused).
		Dur("duration", now.Sub(r.began)).Msg("sync succeeded")
	return nil
}

// event is the round's sync event: succeeded, or failed with a fault.
func (r *round) event(f *fault.Error) (*events.Encoded, error) {
	now := r.session.Now()
	encoded, err := events.NewSync(events.Sync{
		OrganizationID: r.session.Organization.ID, Trigger: string(r.trigger),
		Requests: r.requests, Rows: r.rows, Removed: r.removed, Refused: r.refused,
		DurationMS: now.Sub(r.began).Milliseconds(), Error: f,
	}, occasion(r.session), now)
	if err != nil {
		return nil, err
	}
	return &encoded, nil
}
