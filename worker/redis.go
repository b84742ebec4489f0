package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/pipeline"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

// connectRedis makes both clients and the ledger. Every new connection asks first
// which run of Redis it has reached: one that was restarted, restored or failed
// over may have lost what it had said, and must not be used before that is noted.
func (w *worker) connectRedis() error {
	sealer, err := boot.Sealer(w.cfg.EncryptionKeys)
	if err != nil {
		return err
	}
	plain, err := boot.Redis(w.cfg.Redis)
	if err != nil {
		return err
	}
	options := *plain.Options()
	_ = plain.Close() // not connected yet
	options.OnConnect = w.greetRedis
	w.rdb = redis.NewClient(&options)
	w.pipelined.rdb = pipeline.New(options)
	w.ledger = ledger.New(w.rdb, sealer)
	w.pipelined.ledger = w.ledger.Through(w.pipelined.rdb)
	return nil
}

func (w *worker) closeRedis() { _ = errors.Join(w.pipelined.rdb.Close(), w.rdb.Close()) }

func (w *worker) greetRedis(ctx context.Context, conn *redis.Conn) error {
	run, err := queue.RunID(ctx, conn)
	if err != nil || run == "" || run == w.run.Load() { // without a name there is nothing to compare
		return err
	}
	another, err := w.ledger.NoteRun(ctx, conn, run)
	if err != nil {
		return err
	}
	w.run.Store(run)
	if another {
		w.log.Warn().Str("run", run).Msg("Redis was restarted, restored or failed over; revisions go on above all that was published")
	}
	return nil
}

// beat keeps the ledger's time known until ctx ends. A failure is told when it
// begins; what needs Redis says the rest.
func (w *worker) beat(ctx context.Context) error {
	for away := false; ; {
		if err := jobs.Sleep(ctx, ledger.BeatInterval); err != nil {
			return nil
		}
		bounded, cancel := context.WithTimeout(ctx, ledger.BeatInterval)
		err := w.ledger.Beat(bounded)
		cancel()
		if err != nil && !away && ctx.Err() == nil {
			w.log.Warn().Err(err).Msg("the ledger's time is not known")
		}
		away = err != nil
		w.metrics.ClockSkew(time.Until(w.ledger.ShardNow(0)))
	}
}

// reach waits for Redis at most ten seconds, and refuses one that is of no use.
func (w *worker) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	warnings, err := queue.CheckRedis(ctx, w.rdb)
	if err != nil {
		return err
	}
	for _, text := range warnings {
		w.log.Warn().Msg(text)
	}
	if err := w.ledger.Beat(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return nil
}
