package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const namespace = "sponsorsync"

// scrapeWait bounds what one scrape asks of Redis.
const scrapeWait = 5 * time.Second

// metrics count what this process does. No label grows with the number of
// organisations.
type metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	enqueued  *prometheus.CounterVec
}

func newMetrics(o Options) metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "http_requests_total",
			Help: "HTTP requests answered, by route and status."}, []string{"route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "http_request_duration_seconds",
			Help: "Time to answer a HTTP request, by route."}, []string{"route"}),
		enqueued: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "jobs_enqueued_total",
			Help: "Jobs enqueued over HTTP, by kind; repeats are not counted."}, []string{"kind"}),
	}
	for _, k := range jobs.Kinds() { // a counter that starts at nothing can be alerted on
		if p, _ := k.Policy(); p.Public {
			m.enqueued.WithLabelValues(string(k))
		}
	}
	streams := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "event_streams",
		Help: "Event streams that are open."}, func() float64 { return float64(o.Hub.count()) })
	o.Registry.MustRegister(m.requests, m.durations, m.enqueued, streams, &collector{o},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

var (
	redisUp     = describe("redis_up", "1 if Redis answered this scrape; else the metrics that come from it are absent.")
	queueDepth  = describe("queue_depth", "Jobs in a queue, by state.", "queue", "state")
	queueOldest = describe("queue_oldest_pending_seconds", "How long the next job of a queue has been ready to run.", "queue")
	outbox      = describe("outbox_depth", "Events that wait to be published.")
	byStatus    = describe("sponsorships", "Sponsorships of all organisations, by status.", "status")
	byState     = describe("organizations", "Organisations: never synced, synced and well, or failing.", "state")
	oldestSync  = describe("sync_oldest_success_timestamp_seconds", "Of the last successful sync of each organisation, the one that is longest ago.")
	newestSync  = describe("sync_newest_success_timestamp_seconds", "When any organisation was last synced successfully.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// collector reads what all processes share when it is scraped. A part that
// cannot be read is left out: a gap is honest, a zero is not.
type collector struct{ Options }

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{redisUp, queueDepth, queueOldest, outbox, byStatus, byState, oldestSync, newestSync} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWait)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	up := 1.0
	for _, part := range []func(context.Context, setGauge) error{c.queues, c.outbox, c.organizations} {
		if err := part(ctx, gauge); err != nil {
			up = 0
			c.Log.Warn().Err(err).Msg("part of the metrics is missing")
		}
	}
	gauge(redisUp, up)
}

type setGauge func(d *prometheus.Desc, value float64, labels ...string)

func (c *collector) queues(ctx context.Context, gauge setGauge) error {
	depths, err := enqueue.Depths(ctx, c.Redis)
	for _, d := range depths {
		q := string(d.Queue)
		for state, n := range map[string]int64{
			"pending": d.Pending, "active": d.Active, "scheduled": d.Scheduled,
			"retrying": d.Retry, "dead": d.Archived, "done": d.Complete,
		} {
			gauge(queueDepth, float64(n), q, state)
		}
		age := 0.0
		if !d.PendingSince.IsZero() {
			age = max(c.Now().Sub(d.PendingSince).Seconds(), 0)
		}
		gauge(queueOldest, age, q)
	}
	return err
}

func (c *collector) outbox(ctx context.Context, gauge setGauge) error {
	n, err := c.Ledger.OutboxLength(ctx)
	if err == nil {
		gauge(outbox, float64(n))
	}
	return err
}

func (c *collector) organizations(ctx context.Context, gauge setGauge) error {
	all, err := view.ReadOrganizations(ctx, c.Ledger)
	if err != nil {
		return err
	}
	counts, states := map[sponsorship.Status]int64{}, map[string]int{"never_synced": 0, "ok": 0, "failing": 0}
	for _, org := range all {
		states[stateOf(org)]++
		for status, n := range org.Counts {
			counts[status] += n
		}
	}
	for _, status := range sponsorship.Statuses() {
		gauge(byStatus, float64(counts[status]), string(status))
	}
	for state, n := range states {
		gauge(byState, float64(n), state)
	}
	if oldest, newest := syncDates(all); oldest != nil {
		gauge(oldestSync, float64(oldest.Unix()))
		gauge(newestSync, float64(newest.Unix()))
	}
	return nil
}

func stateOf(org view.Organization) string {
	switch {
	case org.LastError != nil:
		return "failing"
	case org.LastSyncAt == nil:
		return "never_synced"
	}
	return "ok"
}

// syncDates returns the extremes, or nil before the first sync of all.
func syncDates(all []view.Organization) (oldest, newest *time.Time) {
	for _, org := range all {
		at := org.LastSyncAt
		if at != nil && (oldest == nil || at.Before(*oldest)) {
			oldest = at
		}
		if at != nil && (newest == nil || at.After(*newest)) {
			newest = at
		}
	}
	return oldest, newest
}
