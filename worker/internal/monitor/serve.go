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
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// probeTimeout bounds what a probe or a scrape may ask of Redis.
const probeTimeout = 2 * time.Second

// Params are what the endpoints need.
type Params struct {
	Listen  string
	Metrics *Metrics
	Redis   redis.UniversalClient
	Ledger  *state.Ledger
	NATS    func() error // what is wrong with it, as events.Health says
	Log     zerolog.Logger
	Now     func() time.Time
}

// Serve answers /healthz, /readyz and /metrics until ctx ends. An address that
// is taken is an error at once.
func Serve(ctx context.Context, p Params) error {
	handler, err := Handler(p)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.Listen)
	if err != nil {
		return fmt.Errorf("listen for probes at %s (SPONSORSYNC_WORKER_LISTEN): %w", p.Listen, err)
	}
	watching, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { watch(watching, p) })
	defer running.Wait()
	defer stop()
	p.Log.Info().Stringer("address", listener.Addr()).Msg("serving /healthz, /readyz and /metrics")
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
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
func Handler(p Params) (http.Handler, error) {
	waiting, err := backlog.New(backlog.Params{Redis: p.Redis, Ledger: p.Ledger, Now: p.Now, Timeout: probeTimeout})
	if err != nil {
		return nil, err
	}
	p.Metrics.registry.MustRegister(waiting)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, p) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.Metrics.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux, nil
}
