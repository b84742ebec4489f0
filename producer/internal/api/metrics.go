package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/backlog"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const namespace = "sponsorsync"

// scrapeTimeout bounds what one scrape asks of Redis.
const scrapeTimeout = 5 * time.Second

// metrics count what this process does. No label grows with the number of
// organizations.
type metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	enqueued  *prometheus.CounterVec
}

func newMetrics(p Params) (metrics, error) {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "http_requests_total",
			Help: "HTTP requests answered, by route and status."}, []string{"route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "http_request_duration_seconds",
			Help: "Time to answer a HTTP request, by route."}, []string{"route"}),
		enqueued: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "jobs_enqueued_total",
			Help: "Jobs enqueued over HTTP, by kind; repeats are not counted."}, []string{"kind"}),
	}
	for _, k := range jobs.Kinds() { // a counter that starts at nothing can be alerted on
		if policy, _ := k.Policy(); policy.Public {
			m.enqueued.WithLabelValues(string(k))
		}
	}
	streams := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "event_streams",
		Help: "Event streams that are open."}, func() float64 { return float64(p.Hub.count()) })
	waiting, err := backlog.New(backlog.Params{Redis: p.Redis, Ledger: p.Ledger, Now: p.Now, Timeout: scrapeTimeout,
		Failed: func(err error) { p.Log.Warn().Err(err).Msg("part of the metrics is missing") }})
	if err != nil {
		return metrics{}, err
	}
	p.Registry.MustRegister(m.requests, m.durations, m.enqueued, streams, waiting, &collector{p},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m, nil
}

var (
	redisUp    = describe("redis_up", "1 if Redis answered this scrape; else the metrics that come from it are absent.")
	byStatus   = describe("sponsorships", "Sponsorships of all organizations, by status.", "status")
	bridges    = describe("bridge_organizations", "Organizations that the bridge to the server's own database follows, by state.", "state")
	byHold     = describe("bridge_held", "What the bridge waits for a person to look at, by reason.", "reason")
	byState    = describe("organizations", "Organizations: never synced, synced and well, or failing.", "state")
	oldestSync = describe("sync_oldest_success_timestamp_seconds", "Of the last successful sync of each organization, the one that is longest ago.")
	newestSync = describe("sync_newest_success_timestamp_seconds", "When any organization was last synced successfully.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// collector reads what all processes share when it is scraped. A part that
// cannot be read is left out: a gap is honest, a zero is not.
type collector struct{ p Params }

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{redisUp, byStatus, byState, bridges, byHold, oldestSync, newestSync} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	up := 1.0
	if err := c.organizations(ctx, gauge); err != nil {
		up = 0
		c.p.Log.Warn().Err(err).Msg("part of the metrics is missing")
	}
	gauge(redisUp, up)
}

type setGauge func(d *prometheus.Desc, value float64, labels ...string)

func (c *collector) organizations(ctx context.Context, gauge setGauge) error {
	all, err := view.ReadOrganizations(ctx, c.p.Ledger)
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
	showBridges(all, gauge)
	if oldest, newest := syncDates(all); oldest != nil {
		gauge(oldestSync, float64(oldest.Unix()))
		gauge(newestSync, float64(newest.Unix()))
	}
	return nil
}

// showBridges counts all reasons and states, so that an alert finds those at nothing, too.
func showBridges(all []view.Organization, gauge setGauge) {
	followed, held := map[view.BridgeState]int{}, map[fault.Held]int{}
	for _, org := range all {
		if org.Bridge == nil {
			continue
		}
		followed[org.Bridge.State]++
		for _, h := range org.Bridge.Held {
			held[h.Reason]++
		}
	}
	for _, state := range view.BridgeStates() {
		gauge(bridges, float64(followed[state]), string(state))
	}
	for _, reason := range fault.HeldReasons() {
		gauge(byHold, float64(held[reason]), string(reason))
	}
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
