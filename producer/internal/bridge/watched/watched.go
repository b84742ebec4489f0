// Package watched is what an operator watches a bridge by that runs by itself:
// metrics in Prometheus form, and the health endpoints. Within 'producer serve'
// the API has both. It only tells; it never decides anything, and names no
// address and no error.
package watched

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
)

// Endpoints are /healthz, /readyz and /metrics of one bridge.
type Endpoints struct {
	registry *prometheus.Registry
	metrics  bridge.Metrics
	last     atomic.Pointer[string] // how the last round ended; nil before the first
}

// New returns endpoints of a bridge that has not looked yet.
func New() *Endpoints {
	e := &Endpoints{registry: prometheus.NewRegistry()}
	e.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	e.metrics = bridge.NewMetrics(e.registry)
	e.metrics.Round = func(err error) { w := word(err); e.last.Store(&w) }
	return e
}

// Metrics is what the bridge has to be given.
func (e *Endpoints) Metrics() bridge.Metrics { return e.metrics }

const (
	following = "following"
	waiting   = "waiting" // another bridge works, and this one stands by
	starting  = "starting"
)

// word is a fault's code, which holds nothing that may not be seen.
func word(err error) string {
	var coded *fault.Error
	switch {
	case err == nil:
		return following
	case errors.Is(err, bridge.ErrElsewhere):
		return waiting
	case errors.As(err, &coded):
		return string(coded.Code)
	}
	return "failed"
}

// Handler returns the endpoints. /readyz is 200 while the last look came to its
// end, or another bridge works.
func (e *Endpoints) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", e.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

func (e *Endpoints) ready(w http.ResponseWriter, _ *http.Request) {
	last := starting
	if told := e.last.Load(); told != nil {
		last = *told
	}
	answer, status := "ready", http.StatusOK
	if last != following && last != waiting {
		answer, status = "not ready", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": answer, "checks": map[string]string{"bridge": last}}) // the prober may be gone
}

// Serve answers at address until ctx ends. One that is taken is an error at once.
func (e *Endpoints) Serve(ctx context.Context, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for probes at %s (SPONSORSYNC_BRIDGE_LISTEN): %w", address, err)
	}
	server := &http.Server{
		Handler: e.Handler(), ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() }) // probes need no farewell
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve probes: %w", err)
	}
	return nil
}
