package enqueue

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// Depth is how much there is in a queue, by asynq's own names.
type Depth struct {
	Queue                                                 jobs.Queue
	Pending, Active, Scheduled, Retry, Archived, Complete int64

	Paused bool // by hand, with asynq's own tools: none of its jobs starts

	// PendingSince is when the next job to run became ready; zero if none
	// waits, or if nobody knows.
	PendingSince time.Time
}

// Depths measures all queues in two round trips. (asynq's GetQueueInfo samples
// memory and fails altogether when one job's hash is lost.)
func Depths(ctx context.Context, rdb redis.UniversalClient) ([]Depth, error) {
	var gauges []gauge
	pipe := rdb.Pipeline()
	for _, q := range jobs.Queues() {
		gauges = append(gauges, measure(ctx, pipe, q))
	}
	if _, err := pipe.Exec(ctx); ignoreNil(err) != nil {
		return nil, unavailable(err, "measure queues")
	}
	since := rdb.Pipeline()
	next := make([]*redis.StringCmd, len(gauges))
	for i, g := range gauges {
		next[i] = since.HGet(ctx, taskKey(g.queue, g.next.Val()), "pending_since")
	}
	if _, err := since.Exec(ctx); ignoreNil(err) != nil {
		return nil, unavailable(err, "measure queues")
	}
	depths := make([]Depth, len(gauges))
	for i, g := range gauges {
		depths[i] = g.depth(next[i].Val())
	}
	return depths, nil
}

// gauge holds the answers of one queue until the pipeline has run.
type gauge struct {
	queue                                                 jobs.Queue
	pending, active, scheduled, retry, archived, complete *redis.IntCmd
	paused                                                *redis.IntCmd
	next                                                  *redis.StringCmd // id
}

func measure(ctx context.Context, pipe redis.Pipeliner, q jobs.Queue) gauge {
	return gauge{
		queue:     q,
		pending:   pipe.LLen(ctx, QueueKey(q, "pending")),
		active:    pipe.LLen(ctx, QueueKey(q, "active")),
		scheduled: pipe.ZCard(ctx, QueueKey(q, "scheduled")),
		retry:     pipe.ZCard(ctx, QueueKey(q, "retry")),
		archived:  pipe.ZCard(ctx, QueueKey(q, "archived")),
		complete:  pipe.ZCard(ctx, QueueKey(q, "completed")),
		paused:    pipe.Exists(ctx, QueueKey(q, "paused")),
		next:      pipe.LIndex(ctx, QueueKey(q, "pending"), -1),
	}
}

func (g gauge) depth(pendingSince string) Depth {
	d := Depth{
		Queue: g.queue, Pending: g.pending.Val(), Active: g.active.Val(), Scheduled: g.scheduled.Val(),
		Retry: g.retry.Val(), Archived: g.archived.Val(), Complete: g.complete.Val(), Paused: g.paused.Val() > 0,
	}
	if nanos, err := strconv.ParseInt(pendingSince, 10, 64); err == nil {
		d.PendingSince = time.Unix(0, nanos)
	}
	return d
}
