package enqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// MaxBatch is the most jobs that EnqueueAll takes at once.
const MaxBatch = 1000

// batchConcurrency hides the round trips of a batch without taking the whole
// connection pool.
const batchConcurrency = 16

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
		batch[i].origin = origin.Of(ctx)
		receipts[i] = Receipt{ID: j.id, Kind: j.kind, Duplicate: !first}
	}
	if err := c.stamp(ctx, batch); err != nil {
		return nil, err
	}
	if err := c.putAll(ctx, batch); err != nil {
		return nil, err
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

// putAll does not look at which ids were taken: whether a batch is a duplicate
// was settled by claim. Jobs of one sponsorship are put in one after another, so
// that a worker rarely comes across one whose turn has not come.
func (c *Client) putAll(ctx context.Context, batch []job) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(batchConcurrency)
	for _, row := range bySponsorship(batch) {
		group.Go(func() error {
			for _, j := range row {
				if _, err := c.put(ctx, j); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func bySponsorship(batch []job) [][]job {
	var rows [][]job
	at := map[[2]sponsorship.ID]int{}
	for _, j := range batch {
		key := [2]sponsorship.ID{j.org, j.user}
		n, seen := at[key]
		if !seen || j.user == "" {
			n, at[key] = len(rows), len(rows)
			rows = append(rows, nil)
		}
		rows[n] = append(rows[n], j)
	}
	return rows
}
