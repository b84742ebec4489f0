package reconcile

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// fullDelay is how soon a sync is tried again for whose events there was no room.
const fullDelay = 10 * time.Second

// room refuses a request whose events would not fit into the outbox: each row may
// have one, and the sync's end another. Once a request has left, what comes of it
// is stored in any case.
func (r *round) room(ctx context.Context, rows int) error {
	return r.Reconciler.room(ctx, r.session.Organization.ID, rows)
}

func (r *Reconciler) room(ctx context.Context, org sponsorship.ID, rows int) error {
	room, err := r.p.Ledger.OutboxRoom(ctx, org)
	if err == nil && room < int64(rows)+1 {
		err = fault.New(fault.StoreFull, "the outbox has no room for the events of %d rows of organization %s", rows, org)
	}
	return err
}
