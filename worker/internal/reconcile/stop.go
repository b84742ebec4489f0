package reconcile

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// stoppedLook is how soon a person's job looks again whether sending was resumed.
const stoppedLook = 5 * time.Second

// stopped returns a paused fault while a person has stopped sending.
func (r *Reconciler) stopped(ctx context.Context, org sponsorship.ID) error {
	stopped, err := r.p.Ledger.Stopped(ctx, org)
	if err != nil || !stopped {
		return err
	}
	return fault.New(fault.Paused, "sync of organization %s: sending is paused", org)
}
