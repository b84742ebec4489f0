package monitor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/backlog"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// probeTimeout bounds what a probe or a scrape may ask of Redis.
const probeTimeout = 2 * time.Second

// Params are what the endpoints need; all but Log are required.
type Params struct {
	Listen  string
	Metrics *Metrics
	Redis   redis.UniversalClient
	Ledger  *state.Ledger
	NATS    func() error  // what is wrong with it, as events.Health says
	Older   func() string // why an older worker holds this one back; "" if none does; may be nil
	Log     zerolog.Logger
	Now     func() time.Time
}

// Monitor is the endpoints: /healthz, /readyz and /metrics.
type Monitor struct {
	p    Params
	jobs *enqueue.Client
}

// New returns an error when a part is missing, and one when a monitor of the same
// metrics was made before.
func New(p Params) (*Monitor, error) {
	if p.Metrics == nil || p.NATS == nil {
		return nil, errors.New("make monitor: metrics and NATS are needed")
	}
	waiting, err := backlog.New(backlog.Params{Redis: p.Redis, Ledger: p.Ledger, Now: p.Now, Timeout: probeTimeout})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(p.Metrics.registry.Register(waiting), p.Metrics.registry.Register(natsUp(p.NATS))); err != nil {
		return nil, fmt.Errorf("make monitor: %w", err)
	}
	return &Monitor{p, enqueue.New(p.Redis, enqueue.Options{})}, nil
}

// Serve answers at the address to listen at until ctx ends. One that is taken is
// an error at once.
func (m *Monitor) Serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", m.p.Listen)
	if err != nil {
		return fmt.Errorf("listen for probes at %s (SPONSORSYNC_WORKER_LISTEN): %w", m.p.Listen, err)
	}
	watching, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { m.watch(watching) })
	defer running.Wait()
	defer stop()
	m.p.Log.Info().Stringer("address", listener.Addr()).Msg("serving /healthz, /readyz and /metrics")
	server := &http.Server{Handler: m.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	stopped := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
		defer cancel()
		_ = server.Shutdown(bounded)
	})
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve probes: %w", err)
	}
	return nil
}

// Handler returns the endpoints. /healthz says that the process lives, whatever
// Redis and NATS do: restarting it would not bring them back.
func (m *Monitor) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", m.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.p.Metrics.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}
