package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/durable"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/pipeline"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
)

// store is Redis as the worker uses it.
type store struct {
	rdb       redis.UniversalClient // obeys deadlines to the letter
	ledger    *ledger.Ledger
	pipelined pipelined
	forgetful atomic.Bool  // it cannot confirm what it has on disk
	lastRun   atomic.Value // the run id of Redis that was noted last, a string
	log       zerolog.Logger
}

// pipelined is what handlers that do not call the cloud work with: a client whose
// scripts share round trips, and the ledger on it.
type pipelined struct {
	rdb    *pipeline.Client
	ledger *ledger.Ledger
}

// openStore returns once Redis answers and is fit for use, or says why it is not.
func openStore(ctx context.Context, cfg config.Worker, log zerolog.Logger) (*store, error) {
	s, err := newStore(cfg, log)
	if err != nil {
		return nil, err
	}
	if err := s.reach(ctx); err != nil {
		s.close()
		return nil, fault.Wrap(fault.QueueUnavailable, err, "start worker: Redis at %s: %v", cfg.Redis.URL, reason(err))
	}
	return s, nil
}

// newStore connects to nothing yet: both clients do with their first command.
func newStore(cfg config.Worker, log zerolog.Logger) (*store, error) {
	sealer, err := boot.Sealer(cfg.EncryptionKeys)
	if err != nil {
		return nil, err
	}
	s := &store{log: log}
	opened, err := boot.OpenRedis(cfg.Redis, s.greet, false, false, true)
	if err != nil {
		return nil, err
	}
	s.rdb = opened[0]
	s.ledger = ledger.New(s.rdb, sealer)
	s.pipelined.rdb = pipeline.New(opened[1], opened[2])
	s.pipelined.ledger = s.ledger.Through(s.pipelined.rdb)
	return s, nil
}

func (s *store) close() { _ = errors.Join(s.pipelined.rdb.Close(), s.rdb.Close()) }

// greet asks, on every new connection, which run of Redis it has reached: one
// that was restarted, restored or failed over may have lost what it had said, and
// must not be used before that is noted.
func (s *store) greet(ctx context.Context, conn *redis.Conn) error {
	run, err := queue.RunID(ctx, conn)
	if err != nil || run == "" || run == s.lastRun.Load() { // without a name there is nothing to compare
		return err
	}
	able, err := durable.Ask(ctx, conn)
	if err != nil {
		return err
	}
	another, err := s.ledger.NoteRun(ctx, conn, ledger.Run{ID: run, Before: s.run(), Confirms: able.Confirms()})
	if err != nil {
		return err
	}
	s.forgetful.Store(!able.Confirms())
	s.lastRun.Store(run)
	if another {
		s.log.Warn().Str("run", run).Msg("Redis was restarted, restored or failed over; revisions go on above all that was published")
	}
	return nil
}

// reach waits for Redis at most ten seconds, and refuses one that is of no use.
func (s *store) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	warnings, err := queue.CheckRedis(ctx, s.rdb)
	if err != nil {
		return err
	}
	for _, text := range warnings {
		s.log.Warn().Msg(text)
	}
	if err := s.ledger.Beat(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return nil
}

// reason is the last cause of an error, without what was tried.
func reason(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// register says that this worker lives until signOff is called, which is when it has
// drained: until then others must count with it.
func (w *worker) register(parent context.Context) (signOff func(), err error) {
	entry, err := registry.New(registry.Params{
		Redis: w.rdb, ID: uuid.NewString(), Version: boot.Version(), Run: w.run, Servers: intakeLoops + 2, Now: now,
		Skew: w.skew, Log: w.log, Owes: func() bool { return w.forgetful.Load() && w.ledger.Owes() },
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(entry.Beat(parent), w.guard.Look(parent)); err != nil {
		return nil, err
	}
	if err := w.settle(parent); err != nil {
		return nil, err
	}
	counter := registry.Counter{Ledger: w.ledger, Entry: entry, Life: w.cfg.Cloud.Timeout + w.cfg.Cloud.Grace, Log: w.log}
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	var keeping sync.WaitGroup
	keeping.Go(func() { entry.Keep(ctx) })
	keeping.Go(func() { w.guard.Keep(ctx) })
	keeping.Go(func() { counter.Keep(ctx) })
	return func() { cancel(); keeping.Wait() }, nil
}

// settle waits until the registration cannot be lost, as far as waiting helps.
func (w *worker) settle(ctx context.Context) error {
	if w.run() == "" {
		return nil
	}
	able, err := durable.Ask(ctx, w.rdb)
	if err != nil {
		return fmt.Errorf("ask Redis what it can confirm: %w", err)
	}
	if wait := registry.Settling(able); wait > 0 {
		w.log.Info().Dur("wait", wait).Msg("Redis cannot confirm what is on disk: waiting until others know of this worker")
		_ = jobs.Sleep(ctx, wait) // an end is noticed by what comes next
	}
	return nil
}

// run names the run of Redis that was reached last, if it has a name.
func (s *store) run() string {
	run, _ := s.lastRun.Load().(string)
	return run
}

// beatAgain is how soon the ledger's time is asked for again after a failure, or while
// the workers are being counted, which is over when that answer says so.
const beatAgain = 5 * time.Second

// beat keeps the ledger's time known until ctx ends. A failure is told when it
// begins; what needs Redis says the rest.
func (w *worker) beat(ctx context.Context) error {
	last := time.Now()
	for away := false; jobs.Sleep(ctx, beatAgain) == nil; w.metrics.ClockSkew(w.skew()) {
		if !away && !w.ledger.Uncounted() && time.Since(last) < ledger.BeatInterval {
			continue
		}
		last = time.Now()
		bounded, cancel := context.WithTimeout(ctx, beatAgain)
		err := w.ledger.Beat(bounded)
		cancel()
		if err != nil && !away && ctx.Err() == nil {
			w.log.Warn().Err(err).Msg("the ledger's time is not known")
		}
		away = err != nil
	}
	return nil
}

// skew is how far the ledger's clock is ahead of this machine's.
func (w *worker) skew() time.Duration { return time.Until(w.ledger.ShardNow(0)) }
