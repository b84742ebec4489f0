package bridge

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// NewMetrics returns metrics that are registered. What is held, and how each organization fares,
// is read from Redis by whoever shows organizations.
func NewMetrics(r prometheus.Registerer) Metrics {
	looks := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "sponsorsync", Name: "bridge_looks_total",
		Help: "Organizations that the bridge looked at to the end."})
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sponsorsync", Name: "bridge_failures_total",
		Help: "Looks that came to nothing, by code."}, []string{"code"})
	enqueued := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sponsorsync", Name: "bridge_jobs_total",
		Help: "Jobs that the bridge put in, by kind; one that was cut off counts again."}, []string{"kind"})
	written := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sponsorsync", Name: "bridge_writes_total",
		Help: "Rows of the server's own database that the bridge was to update or delete, by what became of it: written, overtaken or busy."},
		[]string{"what", "outcome"})
	working := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "sponsorsync", Name: "bridge_working",
		Help: "1 while this process has the lease of the bridge."})
	r.MustRegister(looks, failures, enqueued, written, working)
	return Metrics{
		Looked:   looks.Inc,
		Failed:   func(code string) { failures.WithLabelValues(code).Inc() },
		Enqueued: func(kind string) { enqueued.WithLabelValues(kind).Inc() },
		Wrote:    func(what string, o vault.Outcome) { written.WithLabelValues(what, string(o)).Inc() },
		Working: func(holdsLease bool) {
			working.Set(0)
			if holdsLease {
				working.Set(1)
			}
		},
	}
}
