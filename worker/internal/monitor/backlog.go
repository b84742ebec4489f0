package monitor

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// backlog asks Redis, at each scrape, how much waits.
type backlog struct {
	rdb    redis.UniversalClient
	ledger *state.Ledger

	depth, oldest, outbox *prometheus.Desc
}

func newBacklog(rdb redis.UniversalClient, ledger *state.Ledger) *backlog {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return &backlog{
		rdb: rdb, ledger: ledger,
		depth:  describe("queue_depth", "Jobs in a queue, by state.", "queue", "state"),
		oldest: describe("queue_oldest_pending_seconds", "How long the next job to run has been ready.", "queue"),
		outbox: describe("outbox_depth", "Events that wait to be published."),
	}
}

// Describe implements prometheus.Collector.
func (b *backlog) Describe(out chan<- *prometheus.Desc) {
	out <- b.depth
	out <- b.oldest
	out <- b.outbox
}

// Collect implements prometheus.Collector. Without Redis it reports nothing:
// no figure is better than a stale one.
func (b *backlog) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	if depths, err := enqueue.Depths(ctx, b.rdb); err == nil {
		for _, d := range depths {
			b.collect(out, d)
		}
	}
	if n, err := b.ledger.OutboxLength(ctx); err == nil {
		out <- prometheus.MustNewConstMetric(b.outbox, prometheus.GaugeValue, float64(n))
	}
}

func (b *backlog) collect(out chan<- prometheus.Metric, d enqueue.Depth) {
	for state, n := range map[string]int64{
		"pending": d.Pending, "active": d.Active, "scheduled": d.Scheduled, "retrying": d.Retry, "dead": d.Archived, "done": d.Complete,
	} {
		out <- prometheus.MustNewConstMetric(b.depth, prometheus.GaugeValue, float64(n), string(d.Queue), state)
	}
	age := 0.0
	if !d.PendingSince.IsZero() {
		age = max(0, time.Since(d.PendingSince).Seconds())
	}
	out <- prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, age, string(d.Queue))
}
