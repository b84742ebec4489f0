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

	prepareTimeout = 2 * time.Second
	readTimeout    = blockFor + 5*time.Second
	publishTimeout = 30 * time.Second
	deleteTimeout  = 5 * time.Second
	finishTimeout  = 5 * time.Second
)

// prepare makes the stream before the first event needs it, so that watchers see
// everything from the start. Whatever stands in the way then, the rounds meet it
// again.
func (r *Relay) prepare(parent context.Context) {
	ctx, cancel := within(parent, prepareTimeout, "make the event stream")
	defer cancel()
	if err := r.p.Publisher.EnsureStream(ctx); err != nil && parent.Err() == nil {
		r.p.Log.Warn().Err(err).Msg("events wait in the outbox until there is a stream for them")
	}
}

// follow relays one shard until ctx ends.
func (r *Relay) follow(ctx context.Context, shard int) {
	for failures := 0; ctx.Err() == nil; {
		n, err := r.round(ctx, shard, blockFor)
		if ctx.Err() != nil {
			return // an error by now is ours
		}
		r.report(shard, err)
		if err == nil {
			failures = 0
			if n == 0 {
				r.watch.rest(ctx, shard)
			}
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
	ours, foreign, failure := sort(entries)
	if err := r.setAside(ctx, shard, foreign); err != nil {
		failure = errors.Join(failure, err)
	}
	acked, err := r.publish(ctx, shard, ours)
	failure = errors.Join(failure, err)
	if err := r.delete(ctx, shard, acked); err != nil {
		failure = errors.Join(failure, fmt.Errorf("delete from outbox: %w", err))
	}
	return len(entries), failure
}

// errNewer is also what keeps the order: whose events stand behind an entry that
// cannot be read is not known.
var errNewer = errors.New("the outbox holds events that only a newer version of this program can read: they, and what stands behind them, are left to it")

// sort parts what can be published from what never can.
func sort(entries []ledger.OutboxEntry) (ours []ledger.OutboxEntry, foreign []string, err error) {
	for _, e := range entries {
		switch {
		case e.Newer:
			return ours, foreign, errNewer
		case e.Foreign != nil:
			foreign = append(foreign, e.Position)
		default:
			ours = append(ours, e)
		}
	}
	return ours, foreign, nil
}

func (r *Relay) read(ctx context.Context, shard int, block time.Duration) ([]ledger.OutboxEntry, error) {
	ctx, cancel := within(ctx, readTimeout, "read outbox")
	defer cancel()
	return r.p.Outbox.ReadOutbox(ctx, shard, batchSize, block)
}

// publish returns the positions that are stored, and the first error.
func (r *Relay) publish(ctx context.Context, shard int, entries []ledger.OutboxEntry) (acked []string, failure error) {
	ctx, cancel := within(ctx, publishTimeout, "publish")
	defer cancel()
	batch, tried := make([]events.Encoded, len(entries)), make(map[string]bool, len(entries))
	for i, e := range entries {
		batch[i], tried[e.Position] = e.Encoded, true
	}
	strange, began := 0, time.Now()
	for i, d := range r.p.Publisher.Deliver(ctx, batch) {
		r.trace(ctx, batch[i], began, d.Err)
		switch {
		case d.Err == nil:
			acked = append(acked, entries[i].Position)
			if d.Duplicate && !r.tried[shard][entries[i].Position] {
				strange++
			}
		case failure == nil:
			failure = d.Err
		}
	}
	r.tried[shard] = tried // each round begins at the head: what is left of it comes again
	r.published(len(acked), strange)
	return acked, failure
}

func (r *Relay) setAside(ctx context.Context, shard int, positions []string) error {
	if len(positions) == 0 {
		return nil
	}
	ctx, cancel := within(ctx, deleteTimeout, "set aside")
	defer cancel()
	n, err := r.p.Outbox.SetAside(ctx, shard, positions)
	if err != nil {
		return fmt.Errorf("set aside what is none of ours: %w", err)
	}
	r.foreign(shard, n)
	return nil
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
