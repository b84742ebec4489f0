// Package sweep finds what nobody else takes care of: syncs whose date has come,
// organizations whose work was left behind by a worker that died, and jobs that
// have been dead for so long that nobody will look at them.
//
// It only looks and enqueues; it never syncs anything itself.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// Enqueuer enqueues what a sweep finds, each thing once however often it is found.
type Enqueuer interface {
	Wake(ctx context.Context, org sponsorship.ID, generation string) error
	Scheduled(ctx context.Context, org sponsorship.ID, date time.Time) error
}

// Params are a Sweeper's parts; all but Log are required.
type Params struct {
	Ledger   *ledger.Ledger
	Enqueuer Enqueuer
	Interval time.Duration // between the sweeps that a worker makes by itself
	Grace    time.Duration // how long work may be ready before it counts as stuck
	// CloudEnabled: with cloud communication off, waking anybody only repeats
	// the same failure.
	CloudEnabled bool
	// Trim forgets what nobody will look at any more.
	Trim func(ctx context.Context) error
	Log  zerolog.Logger
}

// Sweeper sweeps when a job asks for it, and wakes at every interval by itself.
type Sweeper struct{ p Params }

// New returns an error when a part is missing.
func New(p Params) (*Sweeper, error) {
	if p.Ledger == nil || p.Enqueuer == nil || p.Trim == nil {
		return nil, errors.New("make sweeper: a ledger, an enqueuer and a trimmer are needed")
	}
	if p.Interval <= 0 {
		return nil, fmt.Errorf("make sweeper: an interval of %v", p.Interval)
	}
	return &Sweeper{p}, nil
}

// sweepPage bounds what one shard contributes to one sweep; the rest comes next.
const sweepPage = 500

// Sweep handles sweep jobs, which the scheduler task enqueues.
func (s *Sweeper) Sweep(ctx context.Context, _ jobs.Job[jobs.Sweep]) error {
	trimmed := s.p.Trim(ctx)
	if !s.p.CloudEnabled {
		return trimmed
	}
	return errors.Join(trimmed, s.schedule(ctx), s.Wake(ctx))
}

// Run wakes stuck organizations at every interval until ctx ends: recovery must
// not depend on another program being up. A failure is logged; the next tick
// tries again.
func (s *Sweeper) Run(ctx context.Context) error {
	if !s.p.CloudEnabled {
		return nil
	}
	ticker := time.NewTicker(s.p.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := s.Wake(ctx); err != nil && ctx.Err() == nil {
				s.p.Log.Warn().Err(err).Msg("look for stuck work: will look again at the next interval")
			}
		}
	}
}

// Wake enqueues a sync for every organization that has had work for too long
// and that no sync holds.
func (s *Sweeper) Wake(ctx context.Context) error {
	return eachShard(func(shard int) error {
		stuck, err := s.p.Ledger.Stuck(ctx, shard, s.p.Grace, sweepPage)
		if err != nil {
			return err
		}
		for _, w := range stuck {
			if err := s.p.Enqueuer.Wake(ctx, w.Organization, w.Generation); err != nil {
				return err
			}
			s.p.Log.Info().Stringer("organization", w.Organization).Msg("woke an organization whose work was left behind")
		}
		return nil
	})
}

func (s *Sweeper) schedule(ctx context.Context) error {
	return eachShard(func(shard int) error {
		due, err := s.p.Ledger.DueSyncs(ctx, shard, sweepPage)
		if err != nil {
			return err
		}
		for _, d := range due {
			if err := s.p.Enqueuer.Scheduled(ctx, d.Organization, d.Date); err != nil {
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
