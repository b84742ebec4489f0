// Package sweep finds what nobody else takes care of: syncs whose date has come,
// organizations whose work was left behind by a worker that died, and what has been
// over or dead for so long that it must be forgotten.
//
// It looks, enqueues and forgets; it never syncs anything itself.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// Enqueuer enqueues what a sweep finds, each thing once however often it is found,
// and reports whether it did.
type Enqueuer interface {
	Left(ctx context.Context, org sponsorship.ID, generation string) (added bool, err error)
	Scheduled(ctx context.Context, org sponsorship.ID, date time.Time) (added bool, err error)
	// Waiting counts the jobs that wait in a queue already.
	Waiting(ctx context.Context, q jobs.Queue) (int, error)
}

// Params are a Sweeper's parts; all but Log are required.
type Params struct {
	Ledger   *ledger.Ledger
	Enqueuer Enqueuer
	Interval time.Duration // between the sweeps that a worker makes by itself
	Grace    time.Duration // how long work may be ready before it counts as stuck
	// Rate is the cloud's limit, requests a minute of all workers together; 0 is
	// none. A sweep enqueues less than that, so that a herd waits in the ledger,
	// where new work can pass it, and not in the queue.
	Rate int
	// CloudEnabled: with cloud communication off, waking anybody only repeats
	// the same failure.
	CloudEnabled bool
	// SyncInterval is between two full syncs of an organization.
	SyncInterval time.Duration
	// ForgetAfter is how long what is over keeps address and name.
	ForgetAfter time.Duration
	// Trim forgets jobs that nobody will look at any more.
	Trim func(ctx context.Context) error
	Log  zerolog.Logger
}

// Sweeper sweeps when a job asks for it, and wakes at every interval by itself.
type Sweeper struct {
	p     Params
	sweep atomic.Int64 // how many looks there were
}

// New returns an error when a part is missing.
func New(p Params) (*Sweeper, error) {
	if p.Ledger == nil || p.Enqueuer == nil || p.Trim == nil {
		return nil, errors.New("make sweeper: a ledger, an enqueuer and a trimmer are needed")
	}
	if p.Interval <= 0 || p.SyncInterval <= 0 || p.ForgetAfter <= 0 {
		return nil, fmt.Errorf("make sweeper: a sweep every %v, a sync every %v, and forgetting after %v", p.Interval, p.SyncInterval, p.ForgetAfter)
	}
	return &Sweeper{p: p}, nil
}

// Sweep handles sweep jobs, which the scheduler task enqueues.
func (s *Sweeper) Sweep(ctx context.Context, _ jobs.Job[jobs.Sweep]) error {
	forgotten := errors.Join(s.p.Trim(ctx), s.forget(ctx))
	if !s.p.CloudEnabled {
		return forgotten
	}
	return errors.Join(forgotten, s.Wake(ctx), s.schedule(ctx))
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

// forget takes one page of each shard; the rest comes with the next sweeps.
func (s *Sweeper) forget(ctx context.Context) error {
	for shard := range state.Shards {
		n, err := s.p.Ledger.ForgetOver(ctx, shard, s.p.ForgetAfter)
		if n > 0 {
			s.p.Log.Info().Int("sponsorships", n).Msg("forgot whose sponsorships were that are long over")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
