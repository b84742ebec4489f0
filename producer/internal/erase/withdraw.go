package erase

import (
	"context"
	"iter"
	"slices"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Offers counts what the cloud holds of an organization, or may hold.
func (e Eraser) Offers(ctx context.Context, org sponsorship.ID) (n int, err error) {
	for s, err := range e.living(ctx, org) {
		if err != nil {
			return n, err
		}
		if s.AtCloud() {
			n++
		}
	}
	return n, nil
}

// Unwithdrawn counts what is neither over nor at least revoked while it is in use.
func (e Eraser) Unwithdrawn(ctx context.Context, org sponsorship.ID) (n int, err error) {
	for s, err := range e.living(ctx, org) {
		if err != nil {
			return n, err
		}
		if s.Status != sponsorship.Expiring {
			n++
		}
	}
	return n, nil
}

// Withdrawal is what [Eraser.Withdraw] began.
type Withdrawal struct {
	Jobs []string         // that were enqueued just now
	Open []sponsorship.ID // keys that are not withdrawn yet
}

// Withdraw enqueues the withdrawal of all that is offered and not withdrawn yet.
// Once a later call finds nothing open, everything has been withdrawn. Its error is
// a fault where nothing would be sent.
func (e Eraser) Withdraw(ctx context.Context, org sponsorship.ID) (Withdrawal, error) {
	var w Withdrawal
	var revokes []jobs.Args
	for s, err := range e.living(ctx, org) {
		switch {
		case err != nil:
			return w, err
		case s.Status == sponsorship.Expiring:
			continue
		case s.Intent != sponsorship.IntentRevoke:
			revokes = append(revokes, jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: s.UserID, Revoke: true})
		}
		w.Open = append(w.Open, s.UserID)
	}
	if len(w.Open) == 0 {
		return w, nil
	}
	if err := e.sends(ctx, org); err != nil {
		return w, err
	}
	for batch := range slices.Chunk(revokes, enqueue.MaxBatch) {
		receipts, err := e.Jobs.EnqueueAll(ctx, batch)
		if err != nil {
			return w, err
		}
		for _, r := range receipts {
			w.Jobs = append(w.Jobs, r.ID)
		}
	}
	return w, nil
}

// sends returns why a withdrawal would never leave.
func (e Eraser) sends(ctx context.Context, org sponsorship.ID) error {
	known, _, err := e.Ledger.Organization(ctx, org)
	switch {
	case err != nil:
		return err
	case !known.Connected:
		return fault.New(fault.ConnectionMissing, "withdraw what organization %s offers: it is not connected", org)
	case known.Stopped:
		return fault.New(fault.Paused, "withdraw what organization %s offers: nothing of it is sent", org)
	case !known.Started:
		return fault.New(fault.ConnectionMissing, "withdraw what organization %s offers: nothing is sent before a first sync; start it with 'producer sync --org %[1]s'", org)
	case known.Paused != "":
		return fault.New(known.Paused, "withdraw what organization %s offers: its syncs wait until somebody acts", org)
	}
	return nil
}

// page is how many sponsorships are read at once.
const page = 1000

// living iterates over all that is not over. It ends with the first error.
func (e Eraser) living(ctx context.Context, org sponsorship.ID) iter.Seq2[sponsorship.Sponsorship, error] {
	statuses := slices.DeleteFunc(sponsorship.Statuses(), func(s sponsorship.Status) bool { return sponsorship.Sponsorship{Status: s}.Over() })
	return func(yield func(sponsorship.Sponsorship, error) bool) {
		for at := (state.Page{Statuses: statuses, Limit: page}); ; {
			rows, next, err := e.Ledger.List(ctx, org, at)
			if err != nil {
				yield(sponsorship.Sponsorship{}, err)
				return
			}
			for _, s := range rows {
				if !yield(s, nil) {
					return
				}
			}
			if at.Cursor = next; next == "" {
				return
			}
		}
	}
}
