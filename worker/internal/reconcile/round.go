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
	since    time.Time // rows confirmed since then need not go again: the full sync was interrupted
	cursor   string
	read     bool             // the full sync has read its last page
	outdated []sponsorship.ID // changed between being read and being marked; read again

	batches     int
	caution     int                     // so many requests still go with few new rows
	chokedAlone error                   // of a row that the cloud failed alone, as it has before
	postponed   map[sponsorship.ID]bool // go when nothing else is left

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
	return &round{Reconciler: r, visit: v, session: s, trigger: trigger, began: s.Now(), full: full, since: since, read: !full, caution: s.Caution(),
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
	}
	if r.chokedAlone != nil && r.taken == 0 { // nothing has shown that it is the rows
		if err := r.examine(ctx, r.chokedAlone); err != nil {
			return err
		}
	}
	if r.full && r.requests == 0 { // an empty batch proves token and connection
		if _, err := r.send(ctx, nil); err != nil {
			return err
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

// next reads the rows of one request: what is due and, in a full sync, as much
// of the rest as fits. Empty means that nothing is left.
func (r *round) next(ctx context.Context) ([]sponsorship.Sponsorship, error) {
	batch, err := r.due(ctx)
	if err != nil {
		return nil, err
	}
	again, err := r.p.Ledger.Get(ctx, r.session.Organization.ID, r.outdated...)
	if err != nil {
		return nil, err
	}
	r.outdated = nil
	batch = append(batch, r.notYetSynced(again)...)
	for len(batch) < r.p.BatchSize && !r.read {
		page, cursor, err := r.p.Ledger.List(ctx, r.session.Organization.ID, state.Page{
			Statuses: fullOrder(), Limit: r.p.BatchSize - len(batch), Cursor: r.cursor,
		})
		if err != nil {
			return nil, err
		}
		r.cursor, r.read = cursor, cursor == ""
		batch = append(batch, r.notYetSynced(page)...)
	}
	return batch, nil
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

// due reads what waits. A batch that is not full and still growing is given a
// little time: ten thousand redeems then cost a dozen requests.
func (r *round) due(ctx context.Context) ([]sponsorship.Sponsorship, error) {
	if err := r.linger(ctx); err != nil {
		return nil, err
	}
	return r.session.Due(ctx, r.p.BatchSize)
}

func (r *round) linger(ctx context.Context) error {
	seen, err := r.session.DueCount(ctx)
	for waits := 0; r.p.Linger > 0 && waits < maxLingers && err == nil && seen > 0 && seen < int64(r.p.BatchSize); waits++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.p.Linger):
		}
		before := seen
		if seen, err = r.session.DueCount(ctx); seen <= before {
			return err
		}
	}
	return err
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
	if err := r.session.Settle(ctx, ledger.Settled{Full: r.full, Next: next, Fault: r.told, Caution: r.caution, Event: event}); err != nil {
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
