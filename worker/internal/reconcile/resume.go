package reconcile

import (
	"context"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Resume lets organizations try again that were paused because the installation
// was rejected: whoever starts a worker may have corrected its id, key or region.
func (r *Reconciler) Resume(ctx context.Context) error {
	if r.p.Cloud.Allowed() != nil {
		return nil
	}
	all, err := r.p.Ledger.Organizations(ctx)
	if err != nil {
		return err
	}
	for _, org := range all {
		lifted, err := r.p.Ledger.Lift(ctx, org, fault.InstallationRejected)
		if err != nil {
			return err
		}
		if lifted {
			r.p.Log.Info().Stringer("organization", org).Msg("trying again: the installation was rejected before this start")
		}
	}
	return nil
}
