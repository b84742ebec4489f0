package handler

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Enqueuer enqueues what a sweep finds.
type Enqueuer interface {
	Waker
	Scheduled(ctx context.Context, org sponsorship.ID, date time.Time) error
}

// Sweep finds what nobody else takes care of: syncs whose date has come, and
// organisations whose work was left behind by a worker that died.
type Sweep struct {
	Ledger   *state.Ledger
	Enqueuer Enqueuer
	Interval time.Duration // between the sweeps that a worker makes by itself
	Grace    time.Duration // how long work may be ready before it counts as stuck
	// CloudEnabled: with cloud communication off, waking anybody only repeats
	// the same failure.
	CloudEnabled bool
	// Trim forgets what nobody will look at any more.
	Trim func(ctx context.Context) error
	Now  func() time.Time
	Log  zerolog.Logger
}

// sweepPage bounds what one shard contributes to one sweep; the rest comes next.
const sweepPage = 500

// Handle handles sweep jobs, which the scheduler task enqueues.
func (h *Sweep) Handle(ctx context.Context, _ jobs.Job[jobs.Sweep]) error {
	trimmed := h.Trim(ctx)
	if !h.CloudEnabled {
		return trimmed
	}
	return errors.Join(trimmed, h.schedule(ctx), h.Wake(ctx))
}

// Run wakes stuck organisations at every interval until ctx ends: recovery must
// not depend on another program being up. A failure is logged; the next tick
// tries again.
func (h *Sweep) Run(ctx context.Context) error {
	if !h.CloudEnabled {
		return nil
	}
	ticker := time.NewTicker(h.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := h.Wake(ctx); err != nil && ctx.Err() == nil {
				h.Log.Warn().Err(err).Msg("look for stuck work: will look again at the next interval")
			}
		}
	}
}

// Wake enqueues a sync for every organisation that has had work for too long
// and that no sync holds.
func (h *Sweep) Wake(ctx context.Context) error {
	return eachShard(func(shard int) error {
		stuck, err := h.Ledger.Stuck(ctx, shard, h.Now().Add(-h.Grace), sweepPage)
		if err != nil {
			return err
		}
		for _, w := range stuck {
			if err := h.Enqueuer.Wake(ctx, w.Organization, w.Generation); err != nil {
				return err
			}
			h.Log.Info().Stringer("organization", w.Organization).Msg("woke an organisation whose work was left behind")
		}
		return nil
	})
}

func (h *Sweep) schedule(ctx context.Context) error {
	return eachShard(func(shard int) error {
		due, err := h.Ledger.DueSyncs(ctx, shard, h.Now(), sweepPage)
		if err != nil {
			return err
		}
		for _, d := range due {
			if err := h.Enqueuer.Scheduled(ctx, d.Organization, d.Date); err != nil {
				return err
			}
		}
		return nil
	})
}

func eachShard(do func(shard int) error) error {
	for shard := range state.Shards {
		if err := do(shard); err != nil {
			return err
		}
	}
	return nil
}
