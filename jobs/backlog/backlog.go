// Package backlog shows Prometheus what is in Redis: how much waits (jobs in the
// queues, events in the outbox), what ended badly, who lives and what is paused.
// Both programs register it, so a dashboard works with either; add up neither, for
// both show the same Redis.
//
// It only reads, and no label grows with the number of organizations.
package backlog

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Params are what a collector is made of. All but Failed are required.
type Params struct {
	Redis   redis.UniversalClient
	Ledger  *state.Ledger
	Now     func() time.Time
	Timeout time.Duration // of all that one scrape asks
	Failed  func(error)   // is told why a figure is missing
}

// New returns a collector that measures at each scrape. What cannot be read is
// left out: a gap is honest, a zero is not.
func New(p Params) (prometheus.Collector, error) {
	if p.Redis == nil || p.Ledger == nil || p.Now == nil || p.Timeout <= 0 {
		return nil, errors.New("make backlog collector: Redis, Ledger, Now or Timeout is missing")
	}
	if p.Failed == nil {
		p.Failed = func(error) {}
	}
	return &collector{p, enqueue.New(p.Redis, enqueue.Options{})}, nil
}

// The metrics. Read-only.
var (
	up           = describe("redis_up", "1 if Redis answered this scrape; else the metrics that come from it are absent.")
	memory       = describe("redis_memory_fill_ratio", "How much of its maxmemory Redis uses: at 1 it refuses what is new; 0 where it has no limit.")
	depth        = describe("queue_depth", "Jobs in a queue, by state; a batch of up to 200 counts as one.", "queue", "state")
	oldest       = describe("queue_oldest_pending_seconds", "How long the next job of a queue has been ready to run.", "queue")
	outbox       = describe("outbox_depth", "Events that wait to be published.")
	fill         = describe("outbox_fill_ratio", "How full the fullest shard of the outbox is: from 0.8 on it is told, at 1 no new jobs are taken.")
	workers      = describe("workers", "Workers that live.")
	outdated     = describe("worker_outdated", "1 while a worker of an older release keeps the newer ones from sending to the cloud.")
	schedulerAge = describe("scheduler_silent_seconds", "Time since a sweep was last enqueued; absent if there was none for a month.")
	paused       = describe("queue_paused", "1 while somebody has paused a queue with asynq's own tools.", "queue")
	stopped      = describe("sending_paused", "1 while somebody has paused all sending ('producer pause').")
	ended        = describe("ended_jobs", "Jobs that ended badly and are kept, by state: dead or refused.", "state")
	endedFill    = describe("ended_jobs_fill_ratio", "How full the store of dead and refused jobs is: from 0.8 on it is told, at 1 no new jobs are taken.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("sponsorsync", "", name), help, labels, nil)
}

type collector struct {
	p    Params
	jobs *enqueue.Client
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		up, memory, depth, oldest, outbox, fill, ended, endedFill, workers, outdated, schedulerAge, paused, stopped,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), c.p.Timeout)
	defer cancel()
	depths, err := enqueue.Depths(ctx, c.p.Redis)
	to <- gauge(up, one(err == nil))
	for _, d := range depths {
		c.queue(to, d)
	}
	if err := errors.Join(err, c.bounds(ctx, to), c.alive(ctx, to)); err != nil {
		c.p.Failed(err)
	}
}

// bounds tells of what takes nothing more when it is full.
func (c *collector) bounds(ctx context.Context, to chan<- prometheus.Metric) error {
	dead, refused, most, endedErr := enqueue.NewInspector(c.jobs).Ended(ctx)
	if endedErr == nil {
		to <- gauge(ended, float64(dead), "dead")
		to <- gauge(ended, float64(refused), "refused")
		to <- gauge(endedFill, health.Fill{Used: dead + refused, Limit: most}.Ratio())
	}
	n, outboxErr := c.p.Ledger.OutboxLength(ctx)
	if outboxErr == nil {
		to <- gauge(outbox, float64(n))
	}
	ratio, fillErr := c.p.Ledger.OutboxFill(ctx)
	if fillErr == nil {
		to <- gauge(fill, ratio)
	}
	used, memoryErr := health.Memory(ctx, c.p.Redis)
	if memoryErr == nil {
		to <- gauge(memory, used.Ratio())
	}
	return errors.Join(endedErr, outboxErr, fillErr, memoryErr)
}

// alive tells of those without whom nothing happens.
func (c *collector) alive(ctx context.Context, to chan<- prometheus.Metric) error {
	all, workersErr := enqueue.NewInspector(c.jobs).Workers(ctx)
	if workersErr == nil {
		n := 0
		for _, w := range all {
			if w.Lives {
				n++
			}
		}
		_, old := state.Outdated(all)
		to <- gauge(workers, float64(n))
		to <- gauge(outdated, one(old))
	}
	s, schedulerErr := c.p.Ledger.Scheduler(ctx)
	if s.Interval > 0 {
		to <- gauge(schedulerAge, s.Silent.Seconds())
	}
	still, stoppedErr := c.p.Ledger.Stopped(ctx, "")
	if stoppedErr == nil {
		to <- gauge(stopped, one(still))
	}
	return errors.Join(workersErr, schedulerErr, stoppedErr)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func (c *collector) queue(to chan<- prometheus.Metric, d enqueue.Depth) {
	for state, n := range map[string]int64{
		"pending": d.Pending, "active": d.Active, "scheduled": d.Scheduled,
		"retrying": d.Retry, "dead": d.Archived, "done": d.Complete,
	} {
		to <- gauge(depth, float64(n), string(d.Queue), state)
	}
	to <- gauge(paused, one(d.Paused), string(d.Queue))
	age := 0.0
	if !d.PendingSince.IsZero() {
		age = max(c.p.Now().Sub(d.PendingSince).Seconds(), 0)
	}
	to <- gauge(oldest, age, string(d.Queue))
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}
