package reconcile

import (
	"context"
	"errors"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// exchange is one batch: plan, then for each request mark, send, apply.
func (r *round) exchange(ctx context.Context, rows []sponsorship.Sponsorship) error {
	if err := r.room(ctx, len(rows)); err != nil {
		return err
	}
	plan := planBatch(rows, r.session.Now(), r.trigger == ledger.Manual)
	if err := r.store(ctx, plan.local); err != nil {
		return err
	}
	together, alone := apart(plan.send)
	for len(together) > 0 {
		n := fitting(together, r.limits())
		if err := r.deliver(ctx, together[:n]); err != nil {
			return err
		}
		if n == len(together) {
			break
		}
		var err error
		if together, err = r.planAgain(ctx, together[n:]); err != nil {
			return err
		}
	}
	for _, it := range alone {
		if err := r.deliverAlone(ctx, it); err != nil {
			return err
		}
	}
	return nil
}

// mark stores what is about to leave. It drops the rows that somebody changed
// since they were read; they are read again. A lost lease stops everything.
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
			r.outdated = append(r.outdated, items[at[n]].out.UserID)
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

// deliver sends the items and stores what comes of them. Where the cloud fails
// again and again, it looks for the rows that make it.
func (r *round) deliver(ctx context.Context, items []item) error {
	err := r.try(ctx, items)
	if choked(err) && r.session.Organization.ServerErrors >= serverErrorLimit {
		return r.isolate(ctx, items, err)
	}
	return err
}

// deliverAlone tries a row that has made a request fail before. If it does so
// again it stays as it is, and harms nobody else.
func (r *round) deliverAlone(ctx context.Context, it item) error {
	err := r.try(ctx, []item{it})
	if !choked(err) {
		return err
	}
	r.chokedAlone = err
	if it.out.Marked.Status == sponsorship.Refused {
		r.refused++
	}
	return nil
}

// try marks the items, sends those that nobody changed meanwhile, and stores
// what comes of them.
func (r *round) try(ctx context.Context, planned []item) error {
	items, err := r.mark(ctx, planned)
	if err != nil || len(items) == 0 {
		return err
	}
	answers, err := r.send(ctx, items)
	if err != nil {
		return r.undelivered(ctx, items, err)
	}
	return r.apply(ctx, items, answers)
}

// choked reports whether the cloud was up, took the request and failed on it.
func choked(err error) bool {
	answer, ok := errors.AsType[*cloud.Error](err)
	return ok && answer.ServerError
}

// undelivered takes the marks back where it is certain that the cloud did not
// act: else a redeem with a typing error could not be corrected any more, only
// because the token was wrong. Whatever goes wrong here, a mark too many is safe.
func (r *round) undelivered(parent context.Context, items []item, err error) error {
	if fate := cloud.FateOf(err); fate != cloud.NeverLeft && fate != cloud.Refused {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), cleanupTimeout)
	defer cancel()
	if _, unmarkErr := r.session.Apply(ctx, unmarks(items)); unmarkErr != nil {
		r.p.Log.Debug().Err(unmarkErr).Msg("take marks back")
	}
	return err
}

// send takes a turn and sends; again if the token died early.
func (r *round) send(ctx context.Context, items []item) ([]cloud.RowAnswer, error) {
	for {
		if err := r.p.Cloud.Turn(ctx, r.lane); err != nil {
			return nil, err
		}
		r.requests++
		r.sent++
		r.rows += len(items)
		answers, err := r.p.Cloud.Sync(ctx, cloud.SyncRequest{
			BillingSyncKey:      r.connection.BillingSyncToken,
			CloudOrganizationID: string(r.connection.CloudOrganizationID),
			Rows:                wire(items),
		})
		r.caution = careful(r.caution, err)
		if !errors.Is(err, cloud.ErrTokenDied) {
			return answers, err
		}
	}
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

func (r *round) count(w ledger.Write) {
	switch w.After.Status {
	case sponsorship.Removed:
		r.removed++
	case sponsorship.Refused:
		r.refused++
	}
}
