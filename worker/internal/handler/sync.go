package handler

import (
	"context"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// Sync carries out the three kinds of sync.
type Sync struct{ Reconciler *reconcile.Reconciler }

// Manual handles sync jobs: a person asked.
func (h *Sync) Manual(ctx context.Context, job jobs.Job[jobs.Sync]) error {
	return h.Reconciler.Full(ctx, job.Args.OrganizationID, job.ID, reconcile.Manual)
}

// Scheduled handles sync-scheduled jobs: the day has passed.
func (h *Sync) Scheduled(ctx context.Context, job jobs.Job[jobs.SyncScheduled]) error {
	return h.Reconciler.Full(ctx, job.Args.OrganizationID, job.ID, reconcile.Scheduled)
}

// Pending handles sync-pending jobs: work has piled up.
func (h *Sync) Pending(ctx context.Context, job jobs.Job[jobs.SyncPending]) error {
	return h.Reconciler.Pending(ctx, job.Args.OrganizationID)
}
