// Package monitor is what an operator watches a worker by: metrics in Prometheus
// form, and the health endpoints. It only reads; it never decides anything, and
// no label holds an address, an organization or a secret.
package monitor

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/relay"
)

const namespace = "sponsorsync"

// Metrics are the worker's own counters, on a registry of their own.
type Metrics struct {
	registry *prometheus.Registry

	jobs          *prometheus.CounterVec
	jobSeconds    *prometheus.HistogramVec
	requests      *prometheus.CounterVec
	requestSecs   *prometheus.HistogramVec
	limiterWait   prometheus.Histogram
	published     prometheus.Counter
	publishFailed prometheus.Counter
	setAside      prometheus.Counter
	duplicates    prometheus.Counter
	lastSync      prometheus.Gauge
	clockSkew     prometheus.Gauge
}

// NewMetrics registers everything.
func NewMetrics() *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	auto := promauto.With(registry)
	return &Metrics{
		registry:    registry,
		jobs:        counters(auto, "jobs_processed_total", "Attempts at jobs, by kind and outcome.", "kind", "outcome"),
		jobSeconds:  histograms(auto, "job_duration_seconds", "Duration of one attempt at a job.", "kind"),
		requests:    counters(auto, "cloud_requests_total", "HTTP exchanges with the cloud, by operation and code (ok, or a fault code).", "operation", "code"),
		requestSecs: histograms(auto, "cloud_request_duration_seconds", "Duration of one HTTP exchange with the cloud.", "operation"),
		limiterWait: auto.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "cloud_limiter_wait_seconds", Help: "Time a request waited for its turn under the cloud's limits.",
			Buckets: []float64{0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60},
		}),
		published:     counter(auto, "events_published_total", "Events acknowledged by JetStream."),
		publishFailed: counter(auto, "relay_failures_total", "Rounds of the relay that did not get everything through."),
		setAside:      counter(auto, "events_set_aside_total", "Entries of the outbox that are none of ours, and were not published."),
		duplicates: counter(auto, "events_duplicate_total",
			"Events that JetStream had before this worker first sent them: from another worker, or from before the ledger was put back."),
		clockSkew: auto.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "clock_skew_seconds", Help: "How far the ledger's clock is ahead of this machine's; it is the one that counts.",
		}),
		lastSync: auto.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "last_successful_sync_timestamp_seconds", Help: "When this worker last synced any organization successfully.",
		}),
	}
}

func counter(auto promauto.Factory, name, help string) prometheus.Counter {
	return auto.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func counters(auto promauto.Factory, name, help string, labels ...string) *prometheus.CounterVec {
	return auto.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histograms(auto promauto.Factory, name, help string, labels ...string) *prometheus.HistogramVec {
	return auto.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// natsUp is measured at each scrape.
func natsUp(wrong func() error) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "nats_up", Help: "1 while this program is connected to a NATS server that is new enough.",
	}, func() float64 {
		if wrong() != nil {
			return 0
		}
		return 1
	})
}

// Job is told of every attempt at a job.
func (m *Metrics) Job(kind, outcome string, took time.Duration) {
	m.jobs.WithLabelValues(kind, outcome).Inc()
	m.jobSeconds.WithLabelValues(kind).Observe(took.Seconds())
}

// ClockSkew is told how far the ledger's clock is ahead of this machine's.
func (m *Metrics) ClockSkew(ahead time.Duration) { m.clockSkew.Set(ahead.Seconds()) }

// CloudRequest is told of every HTTP exchange with the cloud.
func (m *Metrics) CloudRequest(operation, code string, took time.Duration) {
	m.requests.WithLabelValues(operation, code).Inc()
	m.requestSecs.WithLabelValues(operation).Observe(took.Seconds())
}

// Waited is told how long a request waited for its turn.
func (m *Metrics) Waited(d time.Duration) { m.limiterWait.Observe(d.Seconds()) }

// Synced is told of every successful sync.
func (m *Metrics) Synced(_ sponsorship.ID, at time.Time) { m.lastSync.Set(float64(at.Unix())) }

// Relay returns what the relay reports to.
func (m *Metrics) Relay() relay.Metrics {
	return relay.Metrics{
		Published: func(n int) { m.published.Add(float64(n)) },
		Failed:    func() { m.publishFailed.Inc() },
		SetAside:  func(n int) { m.setAside.Add(float64(n)) },
		Duplicate: func(n int) { m.duplicates.Add(float64(n)) },
	}
}
