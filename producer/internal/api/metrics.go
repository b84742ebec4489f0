package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/backlog"
	"github.com/sponsorsync/sponsorsync/jobs/events"
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
	nats := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "nats_up",
		Help: "1 while this program is connected to a NATS server that is new enough."}, func() float64 {
		if events.Health(p.JetStream.Conn()) != nil {
			return 0
		}
		return 1
	})
	inRedis, err := backlog.New(backlog.Params{Redis: p.Redis, Ledger: p.Ledger, Now: p.Now, Timeout: scrapeTimeout,
		Failed: func(err error) { p.Log.Warn().Err(err).Msg("part of the metrics is missing") }})
	if err != nil {
		return metrics{}, err
	}
	p.Registry.MustRegister(m.requests, m.durations, m.enqueued, streams, nats, inRedis, &collector{p},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m, nil
}

var (
	byStatus   = describe("sponsorships", "Sponsorships of all organizations, by status.", "status")
	bridges    = describe("bridge_organizations", "Organizations that the bridge to the server's own database follows, by state.", "state")
	byHold     = describe("bridge_held", "What the bridge waits for a person to look at, by reason.", "reason")
	byState    = describe("organizations", "Organizations: never synced, synced and well, or failing.", "state")
	failing    = describe("organizations_failing", "Organizations whose last attempt failed, by what (sync or license) and code.", "what", "code")
	waiting    = describe("organizations_waiting", "Organizations that wait for a person, by for what: connection, first_sync or resume.", "what")
	overdue    = describe("sync_overdue_seconds", "How long the longest-awaited sync is due, of organizations that are connected and not paused; 0 while none is.")
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
	for _, d := range []*prometheus.Desc{byStatus, byState, failing, waiting, overdue, bridges, byHold, oldestSync, newestSync} {
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
	if err := c.organizations(ctx, gauge); err != nil {
		c.p.Log.Warn().Err(err).Msg("part of the metrics is missing")
	}
}

type setGauge func(d *prometheus.Desc, value float64, labels ...string)

func (c *collector) organizations(ctx context.Context, gauge setGauge) error {
	all, err := view.ReadOrganizations(ctx, c.p.Ledger)
	if err == nil {
		show(all, c.p.Now(), gauge)
	}
	return err
}

// show is the pure part: what all organizations come to.
func show(all []view.Organization, now time.Time, gauge setGauge) {
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
	showFailing(all, gauge)
	showWaiting(all, gauge)
	gauge(overdue, longestDue(all, now).Seconds())
	if oldest, newest := syncDates(all); oldest != nil {
		gauge(oldestSync, float64(oldest.Unix()))
		gauge(newestSync, float64(newest.Unix()))
	}
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

// showFailing counts all codes, for the same reason.
func showFailing(all []view.Organization, gauge setGauge) {
	syncs, licenses := map[fault.Code]int{}, map[fault.Code]int{}
	for _, org := range all {
		if e := org.LastError; e != nil {
			syncs[e.Code]++
		}
		if e := org.LastLicenseError; e != nil {
			licenses[e.Code]++
		}
	}
	for _, code := range fault.Codes() {
		gauge(failing, float64(syncs[code]), "sync", string(code))
		gauge(failing, float64(licenses[code]), "license", string(code))
	}
}

// showWaiting counts each organization once, by what has to be done first.
func showWaiting(all []view.Organization, gauge setGauge) {
	waits := map[string]int{}
	for _, org := range all {
		switch {
		case org.Disconnected: // nobody waits
		case !org.Connected:
			waits["connection"]++
		case org.Paused:
			waits["resume"]++
		case org.LastSyncAt == nil:
			waits["first_sync"]++
		}
	}
	for _, what := range []string{"connection", "first_sync", "resume"} {
		gauge(waiting, float64(waits[what]), what)
	}
}

// longestDue leaves out those whose sync waits for a person.
func longestDue(all []view.Organization, now time.Time) time.Duration {
	longest := time.Duration(0)
	for _, org := range all {
		if org.NextSyncAt != nil && org.Connected && !org.Paused {
			longest = max(longest, now.Sub(*org.NextSyncAt))
		}
	}
	return longest
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
