package reconcile

import (
	"context"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// SyncManual handles sync jobs: a person asked.
func (r *Reconciler) SyncManual(ctx context.Context, job jobs.Job[jobs.Sync]) error {
	return r.full(ctx, job.Args.OrganizationID, ledger.Request{
		JobID: job.ID, Trigger: ledger.Manual, OfficialJobOff: job.Args.OfficialJobOff,
	})
}

// SyncScheduled handles sync-scheduled jobs: the day has passed.
func (r *Reconciler) SyncScheduled(ctx context.Context, job jobs.Job[jobs.SyncScheduled]) error {
	return r.Full(ctx, job.Args.OrganizationID, job.ID, ledger.Scheduled)
}

// SyncPending handles sync-pending jobs: work has piled up.
func (r *Reconciler) SyncPending(ctx context.Context, job jobs.Job[jobs.SyncPending]) error {
	return r.Pending(ctx, job.Args.OrganizationID)
}

// SyncLeft handles sync-left jobs: a sweep found work that nobody has taken up.
func (r *Reconciler) SyncLeft(ctx context.Context, job jobs.Job[jobs.SyncLeft]) error {
	return r.pending(ctx, job.Args.OrganizationID, &visit{queue: jobs.QueueCloud})
}
