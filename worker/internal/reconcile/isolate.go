package reconcile

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/isolate"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

const (
	// serverErrorLimit is how many attempts in a row the cloud may fail by itself
	// before the batch is suspected.
	serverErrorLimit = 2
	// maxSuspects ends one search: what is left waits until all others have gone.
	maxSuspects = 32
	// putOff is for how long another worker lets the others go before what is left,
	// if this one does not come to it.
	putOff = time.Minute
)

// isolate finds the rows that make the cloud fail, if it is rows: see examine.
func (r *round) isolate(ctx context.Context, items []item, failure error) error {
	if err := r.examine(ctx, failure); err != nil {
		return err
	}
	search, suspects := isolate.New(len(items), maxSuspects), []item(nil)
	for from, to, ok := search.Next(); ok; from, to, ok = search.Next() {
		group, err := r.try(ctx, items[from:to]) // as they are by then
		switch {
		case err == nil:
			search.Passed()
		case !choked(err): // the search ends here; what it found stays found
			if storeErr := r.poison(ctx, suspects); storeErr != nil {
				return storeErr
			}
			return err
		default:
			if to-from == 1 && len(search.Bad()) < maxSuspects {
				suspects = append(suspects, group[0])
			}
			search.Failed()
		}
	}
	if err := r.poison(ctx, suspects); err != nil {
		return err
	}
	return r.postpone(ctx, items[search.Undecided():])
}

// planAgain plans the rows as they are by now: each has been sent since it was
// planned, or others have, which takes its time.
func (r *round) planAgain(ctx context.Context, items []item) ([]item, error) {
	rows, err := r.p.Ledger.Get(ctx, r.session.Organization.ID, ids(items)...)
	if err != nil {
		return nil, err
	}
	plan := planBatch(rows, r.moment(), true)
	return plan.send, r.store(ctx, plan.local)
}

// poison notes which rows the cloud fails alone.
func (r *round) poison(ctx context.Context, suspects []item) error {
	poisoned := make([]change, len(suspects))
	for i, it := range suspects {
		poisoned[i] = change{it.out.Marked, sponsorship.Poisoned(it.out, r.session.Now())}
		r.p.Log.Warn().Stringer("organization", r.session.Organization.ID).Stringer("sponsorship", it.out.UserID).
			Msg("the cloud fails every request that holds this sponsorship; it travels alone from now on")
	}
	return r.store(ctx, poisoned)
}

// postpone lets the others go first: what one search left undecided waits, says
// why, and is tried when nothing else is left. The ledger keeps it behind the
// others, so that whoever takes over goes on in the same order; what is not pending
// waits in the full sync, whose progress is not noted meanwhile.
func (r *round) postpone(ctx context.Context, items []item) error {
	rows, err := r.p.Ledger.Get(ctx, r.session.Organization.ID, ids(items)...)
	if err != nil {
		return err
	}
	now, batch := r.session.Now(), []ledger.Write(nil)
	until := now.Add(putOff).Truncate(time.Second)
	for _, s := range rows {
		after, changed := sponsorship.Postponed(s, until, now)
		if !changed {
			continue
		}
		w, err := ledger.Announced(s, after)
		if err != nil {
			return err
		}
		w.DueAt = until
		batch = append(batch, w)
	}
	for _, it := range items {
		r.postponed[it.out.UserID] = true
	}
	_, err = r.session.Apply(ctx, batch, ledger.Ended{})
	return err
}
