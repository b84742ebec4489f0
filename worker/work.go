package main

import (
	"context"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/worker/internal/monitor"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
)

// stuckAfter is how long work may be ready before a sweep takes it for left
// behind. With the lease's life and the sweep's interval it bounds the time in
// which a killed worker's work is taken up again.
const stuckAfter = 10 * time.Second

// intakeLoops is how many fetch loops feed intake: one loop fetches one job per
// round trip, which is less than two cores can handle.
const intakeLoops = 2

// convoy is how many jobs of intake are taken at once when they wait in line: enough to
// share scripts, and few enough to be done in a moment.
const convoy = 128

// worker holds what its parts share. open makes it, whole.
type worker struct {
	cfg     config.Worker
	log     zerolog.Logger
	metrics *monitor.Metrics
	js      jetstream.JetStream
	jobs    enqueue.System
	guard   *registry.Guard
	traces  trace.TracerProvider // nil where nobody traces
	*store
}

// work runs the worker until ctx ends, then drains in this order: no new jobs,
// running jobs, the outbox, the connections.
func work(ctx context.Context, env config.Environ, stderr io.Writer) error {
	cfg, err := config.LoadWorker(env)
	if err != nil {
		return err
	}
	log := boot.Logger(cfg.Log, stderr)
	boot.QuietRedis(log)
	for _, name := range env.Unknown() {
		log.Warn().Str("variable", name).Msg("unknown variable, ignored: is it misspelled?")
	}
	w, err := open(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer w.close()
	defer boot.Supervise(ctx, probe(cfg.Listen, "/healthz").Ask, log)()
	traces, flush, err := boot.Traces(cfg.Traces, "sponsorsync-worker", log)
	if err != nil {
		return err
	}
	defer flush()
	w.traces = traces
	h, err := w.newHandlers()
	if err != nil {
		return err
	}
	if err := h.syncs.Resume(ctx); err != nil {
		return err
	}
	signOff, err := w.register(ctx)
	if err != nil {
		return err
	}
	defer signOff()
	stopRelay, err := w.startRelay(ctx)
	if err != nil {
		return err
	}
	err = w.serve(ctx, h)
	stopRelay() // only now: the drained jobs have written their events
	w.log.Info().Msg("worker stopped")
	return err
}

// open connects to Redis and NATS. It fails fast where waiting would hide a
// mistake; NATS may be away, at the start and for any time.
func open(ctx context.Context, cfg config.Worker, log zerolog.Logger) (*worker, error) {
	js, err := boot.NATS(cfg.NATS, "sponsorsync worker", log)
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, cfg, log)
	if err != nil {
		js.Conn().Close()
		return nil, err
	}
	client := enqueue.New(s.rdb, enqueue.Options{})
	guard := registry.NewGuard(enqueue.NewInspector(client).Workers, log)
	s.ledger.Older = func() bool { return guard.Older() != "" }
	return &worker{
		cfg: cfg, log: log, metrics: monitor.NewMetrics(), js: js, store: s, jobs: enqueue.NewSystem(client), guard: guard,
	}, nil
}

func (w *worker) close() {
	w.js.Conn().Close()
	w.store.close()
}

// serve runs everything that takes on work, until ctx ends or one part fails.
func (w *worker) serve(ctx context.Context, h handlers) error {
	probes, err := w.newMonitor()
	if err != nil {
		return err
	}
	handlers := h.registry()
	urgent, bulk := shares(w.cfg.CloudConcurrency)
	group, ctx := errgroup.WithContext(ctx)
	for _, lane := range []struct {
		queue                jobs.Queue
		rdb                  redis.UniversalClient
		concurrency, servers int
		convoy               int
	}{
		{jobs.QueueIntake, w.pipelined.rdb, w.cfg.Concurrency, intakeLoops, convoy},
		{jobs.QueueUrgent, w.rdb, urgent, 1, 0},
		{jobs.QueueCloud, w.rdb, bulk, 1, 0},
	} {
		server, err := queue.NewServer(queue.Params{
			Redis: lane.rdb, Registry: handlers, Queue: lane.queue,
			Concurrency: lane.concurrency, Servers: min(lane.servers, lane.concurrency), Convoy: lane.convoy,
			Curve: w.curve(), ShutdownTimeout: w.cfg.ShutdownTimeout, Log: w.log, Observe: w.metrics.Job,
			Clock: w.clock, Traces: w.traces,
		})
		if err != nil {
			return err
		}
		group.Go(func() error {
			if lane.queue != jobs.QueueIntake { // the older worker goes on with these meanwhile
				w.guard.Alone(ctx)
			}
			if ctx.Err() != nil {
				return nil
			}
			return server.Run(ctx)
		})
	}
	group.Go(func() error { return h.sweeper.Run(ctx) })
	group.Go(func() error { return w.beat(ctx) })
	group.Go(func() error { return probes.Serve(ctx) })
	w.log.Info().Str("version", boot.Version()).Bool("cloud_communication", w.cfg.Cloud.Enabled).
		Str("cloud", w.cfg.Cloud.APIURI).Int("concurrency", w.cfg.Concurrency).
		Int("cloud_concurrency", w.cfg.CloudConcurrency).Msg("worker started")
	return group.Wait()
}

// shares parts the handlers that call the cloud: half of them, two at least, keep
// free for what somebody waits for, and at least one is for the rest.
func shares(cloudConcurrency int) (urgent, bulk int) {
	urgent = max(2, cloudConcurrency/2)
	return urgent, max(1, cloudConcurrency-urgent)
}

func (w *worker) curve() jobs.Curve { return jobs.Curve{Base: w.cfg.Retry.Base, Max: w.cfg.Retry.Max} }

// clock is the ledger's, for what belongs to no organization.
func (w *worker) clock() time.Time { return w.ledger.ShardNow(0) }

func now() time.Time { return time.Now().UTC() }
