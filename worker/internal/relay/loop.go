package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

const (
	batchSize = 128         // entries per round
	blockFor  = time.Second // longest wait for news; bounds how late the end of ctx is noticed
	noWait    = 0

	readTimeout    = blockFor + 5*time.Second
	publishTimeout = 30 * time.Second
	deleteTimeout  = 5 * time.Second
	finishTimeout  = 5 * time.Second
)

// follow relays one shard until ctx ends.
func (r *Relay) follow(ctx context.Context, shard int) {
	for failures := 0; ctx.Err() == nil; {
		_, err := r.round(ctx, shard, blockFor)
		if ctx.Err() != nil {
			return // an error by now is ours
		}
		r.report(shard, err)
		if err == nil {
			failures = 0
			continue
		}
		failures++
		_ = jobs.Sleep(ctx, jobs.Backoff(failures, comeBack, r.p.Rand())) // the loop looks at ctx itself
	}
}

// finish empties the shard as far as that goes without an error and in time.
func (r *Relay) finish(ctx context.Context, shard int) {
	ctx, cancel := within(context.WithoutCancel(ctx), finishTimeout, "last pass")
	defer cancel()
	for {
		n, err := r.round(ctx, shard, noWait)
		if err != nil {
			r.report(shard, err)
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// round takes the head of the shard once and returns how many entries it saw.
// It always reads from the head: what an earlier round, or another relay, left
// undeleted is published again, which its id makes harmless.
func (r *Relay) round(ctx context.Context, shard int, block time.Duration) (int, error) {
	entries, err := r.read(ctx, shard, block)
	if err != nil {
		return 0, fmt.Errorf("read outbox: %w", err)
	}
	if len(entries) == 0 {
		return 0, nil
	}
	acked, failure := r.publish(ctx, entries)
	if err := r.delete(ctx, shard, acked); err != nil {
		failure = errors.Join(failure, fmt.Errorf("delete from outbox: %w", err))
	}
	return len(entries), failure
}

func (r *Relay) read(ctx context.Context, shard int, block time.Duration) ([]ledger.OutboxEntry, error) {
	ctx, cancel := within(ctx, readTimeout, "read outbox")
	defer cancel()
	return r.p.Outbox.ReadOutbox(ctx, shard, batchSize, block)
}

// publish returns the positions that are stored, and the first error.
func (r *Relay) publish(ctx context.Context, entries []ledger.OutboxEntry) (acked []string, failure error) {
	ctx, cancel := within(ctx, publishTimeout, "publish")
	defer cancel()
	batch := make([]events.Encoded, len(entries))
	for i, e := range entries {
		batch[i] = e.Encoded
	}
	for i, err := range r.p.Publisher.Publish(ctx, batch) {
		switch {
		case err == nil:
			acked = append(acked, entries[i].Position)
		case failure == nil:
			failure = err
		}
	}
	if r.p.Metrics.Published != nil && len(acked) > 0 {
		r.p.Metrics.Published(len(acked))
	}
	return acked, failure
}

// delete also runs when ctx has just ended: what is acknowledged need not be
// published again.
func (r *Relay) delete(ctx context.Context, shard int, positions []string) error {
	if len(positions) == 0 {
		return nil
	}
	ctx, cancel := within(context.WithoutCancel(ctx), deleteTimeout, "delete from outbox")
	defer cancel()
	return r.p.Outbox.DeleteOutbox(ctx, shard, positions)
}

// within names the deadline, so that the log says whose it was.
func within(ctx context.Context, d time.Duration, what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%s: not done within %v", what, d))
}
