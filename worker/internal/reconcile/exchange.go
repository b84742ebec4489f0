package reconcile

import (
	"context"
	"errors"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// exchange is one batch: plan, mark, send, apply.
func (r *round) exchange(ctx context.Context, rows []sponsorship.Sponsorship) error {
	plan := sort(rows, r.Now())
	items, err := r.mark(ctx, plan.send)
	if err != nil {
		return err
	}
	if err := r.store(ctx, plan.local); err != nil {
		return err
	}
	if len(items) == 0 {
		return nil
	}
	return r.deliver(ctx, items)
}

// mark stores what is about to leave. It drops the rows that somebody changed
// since they were read; they come up again. A lost lease stops everything.
func (r *round) mark(ctx context.Context, items []item) ([]item, error) {
	writes, at := marks(items)
	stored, err := r.session.Mark(ctx, writes)
	if err != nil {
		return nil, err
	}
	outdated := map[int]bool{}
	for n, ok := range stored {
		if !ok {
			outdated[at[n]] = true
		}
	}
	kept := make([]item, 0, len(items))
	for i, it := range items {
		if !outdated[i] {
			kept = append(kept, it)
		}
	}
	return kept, nil
}

// deliver sends the items and stores what comes of them.
func (r *round) deliver(ctx context.Context, items []item) error {
	answers, err := r.send(ctx, items)
	var refused *cloud.Error
	if errors.As(err, &refused) && refused.ServerError && r.session.Organization.ServerErrors >= patience {
		return r.isolate(ctx, items, err)
	}
	if err != nil {
		return err
	}
	return r.store(ctx, answered(items, answers, r.Now()))
}

func (r *round) send(ctx context.Context, items []item) ([]cloud.RowAnswer, error) {
	r.requests++
	r.rows += len(items)
	return r.Cloud.Sync(ctx, cloud.SyncRequest{
		BillingSyncKey:      r.connection.BillingSyncToken,
		CloudOrganizationID: string(r.connection.CloudOrganizationID),
		Rows:                wire(items),
	})
}

func (r *round) store(ctx context.Context, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	batch, err := writes(changes)
	if err != nil {
		return err
	}
	stored, err := r.session.Apply(ctx, batch)
	for i, ok := range stored {
		if ok {
			r.count(batch[i])
		}
	}
	return err
}

func (r *round) count(w state.Write) {
	switch w.After.Status {
	case sponsorship.Removed:
		r.removed++
	case sponsorship.Refused:
		r.refused++
	}
}
