package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
	"github.com/sponsorsync/sponsorsync/producer/internal/api"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/console"
	"github.com/sponsorsync/sponsorsync/producer/internal/history"
	"github.com/sponsorsync/sponsorsync/producer/internal/schedule"
)

// server holds what the parts of serve share.
type server struct {
	cfg  config.Server
	log  zerolog.Logger
	rdb  redis.UniversalClient
	js   jetstream.JetStream
	hub  *api.Hub
	jobs *enqueue.Client

	registry *prometheus.Registry
	names    func(context.Context, sponsorship.ID) bridge.Names // nil where the bridge is off
}

// serve runs the HTTP API, the status page and the scheduler task until ctx
// ends. Neither Redis nor NATS has to answer for it to start or to go on: the
// one makes answers 503, the other makes events late.
func serve(ctx context.Context, env config.Environ, stderr io.Writer) error {
	cfg, err := config.LoadServer(env)
	if err != nil {
		return err
	}
	s := &server{cfg: cfg, log: boot.Logger(cfg.Log, stderr), registry: prometheus.NewRegistry()}
	boot.QuietRedis(s.log)
	if s.rdb, err = boot.Redis(cfg.Redis); err != nil {
		return err
	}
	defer func() { _ = s.rdb.Close() }()
	api.Bound(s.rdb)
	if s.js, err = boot.NATS(cfg.NATS, "sponsorsync producer", s.log); err != nil {
		return err
	}
	defer s.js.Conn().Close()
	s.jobs, s.hub = enqueue.New(s.rdb, enqueue.Options{Admit: state.New(s.rdb, nil).Admit}), api.NewHub(s.js, s.log)
	follow, closeVault, err := s.bridge()
	if err != nil {
		return err
	}
	defer closeVault()
	handler, err := s.handler()
	if err != nil {
		return err
	}
	tell, err := s.alerts()
	if err != nil {
		return err
	}
	traces, flush, err := boot.Traces(cfg.Traces, "sponsorsync-producer", s.log)
	if err != nil {
		return err
	}
	defer flush()
	handler = traced(handler, traces)
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for HTTP at %s (SPONSORSYNC_LISTEN): %w", cfg.Listen, err)
	}
	s.log.Info().Str("address", listener.Addr().String()).Str("version", boot.Version()).Msg("serving")
	defer boot.Supervise(ctx, boot.Probe{Listen: cfg.Listen, Setting: "SPONSORSYNC_LISTEN", Path: "/healthz"}.Ask, s.log)()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { s.hub.Run(ctx); return nil })
	group.Go(func() error {
		return schedule.Scheduler{
			Sweeper: enqueue.NewSystem(s.jobs), Interval: cfg.Schedule.SweepInterval, Log: s.log, Beat: state.New(s.rdb, nil).BeatScheduler,
		}.Run(ctx)
	})
	if tell != nil {
		group.Go(func() error { return tell(ctx) })
	}
	if follow != nil {
		group.Go(func() error { return follow.Run(ctx) })
	}
	group.Go(func() error { return s.listen(ctx, listener, handler) })
	err = group.Wait()
	s.log.Info().Msg("stopped")
	return err
}

// handler puts API and status page on one mux.
func (s *server) handler() (http.Handler, error) {
	secrets := make([]string, len(s.cfg.HookSecrets))
	for i, secret := range s.cfg.HookSecrets {
		secrets[i] = secret.Reveal()
	}
	door, err := access.New(access.Params{
		Token: s.cfg.APIToken.Reveal(), ReadToken: s.cfg.ReadToken.Reveal(), HookSecrets: secrets,
		Redis: s.rdb, Registry: s.registry, Log: s.log, Now: time.Now, Base: s.cfg.BasePath,
	})
	if err != nil {
		return nil, err
	}
	sealer, err := boot.Sealer(s.cfg.EncryptionKeys)
	if err != nil {
		return nil, err
	}
	ledger := state.New(s.rdb, sealer)
	hooks, err := api.New(api.Params{
		Redis: s.rdb, Ledger: ledger, Jobs: s.jobs, JetStream: s.js, Hub: s.hub, Access: door,
		Registry: s.registry, Log: s.log, Now: time.Now, Base: s.cfg.BasePath,
	})
	if err != nil {
		return nil, err
	}
	pages, err := console.New(console.Params{
		Ledger: ledger, Jobs: s.jobs, Access: door, Position: s.hub.Position, Log: s.log, Names: s.names,
		History: history.New(s.js, time.Now), Health: hooks.Health, Now: time.Now, Base: s.cfg.BasePath,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	hooks.Register(mux)
	pages.Register(mux)
	return below(s.cfg.BasePath, hooks.Wrap(mux, pages.Lost)), nil
}

// traced puts what changes something into the trace of whoever asks for it. What only
// looks is asked for too often, and leads nowhere.
func traced(next http.Handler, traces trace.TracerProvider) http.Handler {
	if traces == nil {
		traces = tracenoop.NewTracerProvider() // it hands on what it is given
	}
	return otelhttp.NewHandler(next, "sponsorsync", otelhttp.WithTracerProvider(traces),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithFilter(func(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }))
}

// below serves what comes with a prefix, and without it what a proxy has taken the prefix
// from, or what asks this machine directly, such as a health check.
func below(base string, next http.Handler) http.Handler {
	if base == "" {
		return next
	}
	plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = "" // of this mux; the next one knows the route
		next.ServeHTTP(w, r)
	})
	mux := http.NewServeMux()
	mux.Handle("/", plain)
	mux.Handle(base+"/", http.StripPrefix(base, plain))
	return mux
}

// maxConnections bounds the memory that those cost who have not shown yet who they are.
const maxConnections = 2048

// listen answers requests until ctx ends, and then finishes those that run. Event
// streams have ended by themselves then: the hub stops with the same ctx.
func (s *server) listen(ctx context.Context, listener net.Listener, handler http.Handler) error {
	srv := &http.Server{
		Handler: handler, ErrorLog: stdlog.New(s.log, "", 0), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(netutil.LimitListener(listener, maxConnections)) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ShutdownTimeout)
	defer cancel()
	err := srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn().Msg("requests were cut off: they took longer than SPONSORSYNC_SHUTDOWN_TIMEOUT")
		err = srv.Close()
	}
	<-ended
	return err
}
