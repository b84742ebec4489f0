// Package schedule is the periodic scheduler task: it enqueues one sweep an
// interval, which then enqueues the syncs that are due.
//
// Any number of processes may run it. Intervals are counted from the epoch, and
// the count is the sweep's task id, so that whoever comes second joins the first:
// nobody needs to be elected, and nobody is missed. (asynq's own Scheduler fixes
// a task's options when it is registered, so each of its ticks would be a task of
// its own in every process.)
//
// Nothing is to be caught up here after a downtime: the date of each
// organization's next sync is in the ledger, and one sweep finds all that have
// passed. The package reads no ledger and runs no job.
package schedule

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
)

const (
	// attemptTimeout bounds one attempt to enqueue.
	attemptTimeout = 5 * time.Second
	// again is the wait before another attempt at the same tick.
	again = 5 * time.Second
)

// Sweeper enqueues the sweep of a tick unless it is there already.
type Sweeper interface {
	Sweep(ctx context.Context, tick int64) error
}

// Scheduler is the task. All fields but Beat and Now are required.
type Scheduler struct {
	Sweeper  Sweeper
	Interval time.Duration
	Log      zerolog.Logger
	Beat     func(ctx context.Context, interval time.Duration) error // notes each sweep, for whoever asks whether a scheduler lives
	Now      func() time.Time                                        // default time.Now
}

// Run enqueues the current interval's sweep at once, and then each one as its
// interval begins, until ctx ends. While Redis is away it keeps trying.
func (s Scheduler) Run(ctx context.Context) error {
	if s.Now == nil {
		s.Now = time.Now
	}
	for down := false; ; {
		err := s.sweep(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if failed := err != nil; failed != down { // told once per outage, not at every attempt
			down = failed
			s.tell(err)
		}
		if jobs.Sleep(ctx, pause(s.Now(), s.Interval, down)) != nil {
			return nil
		}
	}
}

func (s Scheduler) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if err := s.Sweeper.Sweep(ctx, Tick(s.Now(), s.Interval)); err != nil || s.Beat == nil {
		return err
	}
	return s.Beat(ctx, s.Interval)
}

func (s Scheduler) tell(err error) {
	if err != nil {
		s.Log.Error().Err(err).Msg("sweep not enqueued, scheduled syncs are late")
		return
	}
	s.Log.Info().Msg("sweeps are enqueued again")
}

// Tick is the number of the interval that now lies in.
func Tick(now time.Time, interval time.Duration) int64 {
	return now.UnixNano() / int64(interval)
}

// pause is the time to the beginning of the next interval; after a failure it is
// no longer than the wait before another attempt.
func pause(now time.Time, interval time.Duration, failed bool) time.Duration {
	next := interval - time.Duration(now.UnixNano()%int64(interval))
	if failed {
		return min(next, again)
	}
	return next
}
