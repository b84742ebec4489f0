package enqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// MaxBatch is the most jobs that EnqueueAll takes at once.
const MaxBatch = 1000

// ItemError is one fault in one item of a batch.
type ItemError struct {
	Index   int    `json:"index"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// BatchError lists all faults of a batch. It is the cause of the
// invalid_arguments fault that EnqueueAll returns.
type BatchError []ItemError

// Error lists the faults in the order of the items.
func (e BatchError) Error() string {
	parts := make([]string, len(e))
	for i, item := range e {
		parts[i] = fmt.Sprintf("item %d: %s %s", item.Index, item.Field, item.Message)
	}
	return strings.Join(parts, "; ")
}

// EnqueueAll puts a batch in. All items are validated first: one that is
// invalid, and nothing is enqueued. The receipts are in the order of the items.
// The queue holds up to [jobs.MostItems] of them as one task, of the kind
// [jobs.KindBatch]; each is a job of its own all the same.
//
// After queue_unavailable some jobs may be there and others not; repeat the
// batch with the same [WithIdempotency] to have each exactly once.
func (c *Client) EnqueueAll(ctx context.Context, all []jobs.Args, opts ...Option) ([]Receipt, error) {
	o := collect(opts)
	if o.id != "" {
		return nil, jobs.Invalid(jobs.FieldError{Field: "id", Message: "names one job; a batch takes an idempotency key"})
	}
	if len(all) > MaxBatch {
		return nil, fault.New(fault.PayloadTooLarge, "%d jobs in one batch, at most %d are allowed", len(all), MaxBatch)
	}
	batch, err := encodeAll(all)
	if err != nil {
		return nil, err
	}
	if err := c.room(ctx); err != nil {
		return nil, err
	}
	if err := c.admitted(ctx, all...); err != nil {
		return nil, err
	}
	first, err := c.claim(ctx, o.once, batch)
	if err != nil {
		return nil, err
	}
	receipts := make([]Receipt, len(batch))
	for i, j := range batch {
		batch[i].origin, batch[i].trace = origin.Of(ctx), tracing.Parent(ctx)
		receipts[i] = Receipt{ID: j.id, Kind: j.kind, Duplicate: !first}
	}
	for _, done := range c.commitAll(ctx, batch) {
		if done.err != nil {
			return nil, done.err
		}
	}
	return receipts, nil
}

func encodeAll(all []jobs.Args) ([]job, error) {
	batch := make([]job, len(all))
	var faults BatchError
	for i, args := range all {
		payload, err := jobs.Encode(args)
		faults = append(faults, itemErrors(i, err)...)
		batch[i] = newJob("", args, payload)
	}
	if len(faults) > 0 {
		return nil, fault.Wrap(fault.InvalidArguments, faults, "%s", faults.Error())
	}
	return batch, nil
}

func itemErrors(index int, err error) []ItemError {
	if err == nil {
		return nil
	}
	fields, ok := errors.AsType[jobs.FieldErrors](err)
	if !ok {
		return []ItemError{{index, "args", err.Error()}}
	}
	items := make([]ItemError, len(fields))
	for i, f := range fields {
		items[i] = ItemError{index, f.Field, f.Message}
	}
	return items
}
