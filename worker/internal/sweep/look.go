package sweep

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

const (
	// page is how much one look reads.
	page = 500
	// share of the cloud's limit that sweeps use up; the rest is for who waits.
	share = 0.9
	// unlimited is the room where there is no limit.
	unlimited = 1 << 20
)

// Wake enqueues a sync for every organization that has had work for too long
// and that no sync holds, as far as there is room. It takes half of it: the daily
// syncs must get on as well.
func (s *Sweeper) Wake(ctx context.Context) error {
	room, err := s.room(ctx)
	if err != nil {
		return err
	}
	return s.fill(ctx, (room+1)/2, func(shard int, at ledger.Look, room *int) (bool, error) {
		at.Ago = s.p.Grace
		stuck, more, err := s.p.Ledger.Stuck(ctx, shard, at)
		for _, w := range stuck {
			if err != nil || *room == 0 {
				break
			}
			var added bool
			if added, err = s.p.Enqueuer.Left(ctx, w.Organization, w.Generation); added {
				*room--
				s.p.Log.Info().Stringer("organization", w.Organization).Msg("woke an organization whose work was left behind")
			}
		}
		return more, err
	})
}

// latest is how many intervals ahead a full sync is due at most: reconcile spreads
// them over a tenth.
const latest = 1.1

func (s *Sweeper) schedule(ctx context.Context) error {
	for shard := range state.Shards {
		n, err := s.p.Ledger.BringBack(ctx, shard, time.Duration(latest*float64(s.p.SyncInterval)))
		if err != nil {
			return err
		}
		if n > 0 {
			s.p.Log.Warn().Int("organizations", n).Msg("the next sync was due later than the interval allows, and is brought back: was Redis' clock wrong?")
		}
	}
	room, err := s.room(ctx)
	if err != nil {
		return err
	}
	return s.fill(ctx, room, func(shard int, at ledger.Look, room *int) (bool, error) {
		due, more, err := s.p.Ledger.DueSyncs(ctx, shard, at)
		for _, d := range due {
			if err != nil || *room == 0 {
				break
			}
			var added bool
			if added, err = s.p.Enqueuer.Scheduled(ctx, d.Organization, d.Date); added {
				*room--
			}
		}
		return more, err
	})
}

// room is how many jobs the queue may take: what leaves under the limit until the
// next sweep, less what waits already; none while sending is paused.
func (s *Sweeper) room(ctx context.Context) (int, error) {
	if stopped, err := s.p.Ledger.Stopped(ctx, ""); err != nil || stopped {
		return 0, err
	}
	if s.p.Rate <= 0 {
		return unlimited, nil
	}
	waiting, err := s.p.Enqueuer.Waiting(ctx, jobs.QueueCloud)
	if err != nil {
		return 0, err
	}
	leaves := int(share * float64(s.p.Rate) * float64(s.p.Interval) / float64(time.Minute))
	return max(leaves, 1) - waiting, nil
}

// fill looks at page after page until the room is used up or nothing is left to
// look at. What is enqueued already takes no room, so whatever fails again and
// again hides nobody behind it. Each look begins at another shard.
func (s *Sweeper) fill(ctx context.Context, room int, look func(shard int, at ledger.Look, room *int) (more bool, err error)) error {
	first := int(s.sweep.Add(1))
	for n := range state.Shards {
		for offset, more := 0, true; more && room > 0; offset += page {
			var err error
			more, err = look((first+n)%state.Shards, ledger.Look{Offset: offset, Limit: page}, &room)
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}
