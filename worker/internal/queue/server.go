package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
)

const (
	defaultShutdownTimeout = 120 * time.Second
	// maxStopTime is what is kept of the shutdown timeout for handlers to come
	// to an end after they were told to.
	maxStopTime = 2 * time.Second

	// asynq polls. A person waits for intake; the cloud takes longer anyway. This
	// is between two looks at the queue, by whichever of its loops.
	promptPoll = 50 * time.Millisecond
	cloudPoll  = 200 * time.Millisecond
)

// Params of a [Server]. Redis, Registry, Queue, Concurrency and Curve are required.
type Params struct {
	Redis       redis.UniversalClient // stays the caller's to close
	Registry    *Registry
	Queue       jobs.Queue
	Concurrency int // handlers at once
	// Servers is how many fetch loops share the queue and the concurrency;
	// default 1. One loop fetches one job per round trip, some thousands a second.
	Servers int
	// Convoy is how many jobs at most are taken from the queue at once and run beside
	// those, when they wait in line; default none. Only an intake queue may have it.
	Convoy          int
	Curve           jobs.Curve
	ShutdownTimeout time.Duration // default 120 s; a Redis that hangs takes its own time on top
	Log             zerolog.Logger
	Now             func() time.Time // default time.Now
	// Clock is the one that all workers share, by which what waits is dated; default
	// time.Now.
	Clock func() time.Time
	Rand  func() float64 // in [0, 1), safe for concurrent use; default math/rand/v2

	Traces trace.TracerProvider // gets a span for each attempt; nil records none

	// Observe is called after each attempt, with one of the outcomes.
	Observe func(kind, outcome string, took time.Duration)
}

func (p *Params) fill() error {
	p.Servers = max(p.Servers, 1)
	if p.ShutdownTimeout <= 0 {
		p.ShutdownTimeout = defaultShutdownTimeout
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Clock == nil {
		p.Clock = time.Now
	}
	if p.Rand == nil {
		p.Rand = rand.Float64
	}
	if p.Observe == nil {
		p.Observe = func(string, string, time.Duration) {}
	}
	switch {
	case p.Redis == nil, p.Registry == nil:
		return errors.New("a Redis client and a registry are needed")
	case !slices.Contains(jobs.Queues(), p.Queue):
		return fmt.Errorf("unknown queue %q", p.Queue)
	case p.Concurrency < p.Servers:
		return fmt.Errorf("concurrency %d for %d servers", p.Concurrency, p.Servers)
	case p.Curve.Base <= 0 || p.Curve.Max < p.Curve.Base:
		return fmt.Errorf("backoff from %v to %v", p.Curve.Base, p.Curve.Max)
	}
	return p.Registry.check(p.Queue)
}

// Server runs the jobs of one queue.
type Server struct {
	p                     Params
	servers               []*asynq.Server
	records               *record.Store
	system                enqueue.System // for what a batch leaves
	gate                  *gate
	takeScript, endScript *redis.Script // of convoys
	putOff                chan struct{} // of size 1: a job is about to wait for its time

	handlers     context.Context // done when handlers must come to an end
	stopHandlers context.CancelFunc
	running, cut atomic.Int64 // jobs that run, and that a shutdown has interrupted
}

// NewServer refuses a queue with a kind that has no handler, and a registry
// with two handlers for one kind. It does not touch Redis.
func NewServer(p Params) (*Server, error) {
	if err := p.fill(); err != nil {
		return nil, fmt.Errorf("make server of queue %s: %w", p.Queue, err)
	}
	s := &Server{p: p, records: record.New(p.Redis), putOff: make(chan struct{}, 1)}
	s.system = enqueue.NewSystem(enqueue.New(p.Redis, enqueue.Options{Now: p.Now}))
	s.gate = newGate(p.Redis, s.key)
	s.takeScript, s.endScript = newConvoyScripts()
	s.handlers, s.stopHandlers = context.WithCancel(context.Background())
	for i := range p.Servers {
		share := (p.Concurrency + i) / p.Servers
		s.servers = append(s.servers, asynq.NewServerFromRedisClient(gated{enqueue.Clockless(p.Redis), s.gate}, s.config(share)))
	}
	return s, nil
}

func (s *Server) config(concurrency int) asynq.Config {
	poll := promptPoll
	if s.p.Queue == jobs.QueueCloud {
		poll = cloudPoll
	}
	return asynq.Config{
		Concurrency:              concurrency,
		Queues:                   map[string]int{string(s.p.Queue): 1},
		TaskCheckInterval:        poll * time.Duration(s.p.Servers),
		DelayedTaskCheckInterval: asynqNever,
		JanitorInterval:          asynqNever,
		RetryDelayFunc:           s.retryDelay,
		IsFailure:                isFailure,
		ShutdownTimeout:          s.p.ShutdownTimeout,
		HealthCheckFunc:          s.healthCheck,
		Logger:                   asynqLog{s.p.Log, &sync.Map{}},
	}
}

func (s *Server) healthCheck(err error) {
	if err != nil {
		s.p.Log.Warn().Err(err).Str("queue", string(s.p.Queue)).Msg("Redis does not answer")
	}
}

// ErrCutShort is how a drain ends that could not wait for all jobs that ran.
var ErrCutShort = errors.New("the drain was cut short")

// Run runs jobs until ctx is done, and then drains: no new job is begun, those
// that run have until shortly before the shutdown timeout, are then canceled,
// and run again elsewhere without having lost an attempt. It returns nil after
// that, [ErrCutShort] if any was canceled, or another error if it could not begin.
// A server runs once.
func (s *Server) Run(ctx context.Context) (err error) {
	defer s.stopHandlers()
	if err := s.greet(ctx); err != nil {
		return fault.Unavailable(err, "start queue "+string(s.p.Queue))
	}
	s.setAsideDamaged(ctx) // before asynq looks for orphans for the first time
	var watches sync.WaitGroup
	watches.Go(func() { s.watchDamaged(ctx) })
	watches.Go(func() { s.watchLost(ctx) })
	watches.Go(func() { s.watchDelayed(ctx) })
	if s.p.Convoy > 0 {
		watches.Go(func() { s.convoys(ctx) })
	}
	s.gate.ended = ctx.Done()
	go s.gate.watch(ctx)
	defer watches.Wait()
	defer func() { err = errors.Join(err, s.drain()) }()
	for _, server := range s.servers {
		if err := server.Start(asynq.HandlerFunc(s.process)); err != nil {
			return fmt.Errorf("start queue %s: %w", s.p.Queue, err)
		}
	}
	<-ctx.Done()
	return nil
}

// drain cancels handlers before asynq gives up on them: what it gives up on
// goes back to the queue while it still runs here.
func (s *Server) drain() error {
	stopTime := min(maxStopTime, s.p.ShutdownTimeout/4)
	timer := time.AfterFunc(s.p.ShutdownTimeout-stopTime, s.stopHandlers)
	defer timer.Stop()
	var running sync.WaitGroup
	for _, server := range s.servers {
		running.Go(func() {
			server.Stop()
			server.Shutdown()
		})
	}
	running.Wait()
	if n := s.cut.Load() + s.running.Load(); n > 0 { // some heed no cancellation
		return fmt.Errorf("stop queue %s: %w: %d jobs did not end within %v and run again elsewhere; give SPONSORSYNC_SHUTDOWN_TIMEOUT more time",
			s.p.Queue, ErrCutShort, n, s.p.ShutdownTimeout)
	}
	return nil
}
