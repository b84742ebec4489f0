package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Caution is what the last sync left as Settled.Caution or Failed.Caution.
func (s *Session) Caution() int { return int(s.progress.caution) }

// Most is what the last sync left as Settled.Most or Failed.Most.
func (s *Session) Most() int { return int(s.progress.most) }

// Suspected reports whether the cloud's records of the organization looked
// damaged when somebody looked last.
func (s *Session) Suspected() bool { return s.progress.damagedAt != nil }

// SeenDamaged notes that the cloud's records look damaged. It returns how long
// ago they first did; they have not looked sound since. The error is
// ErrLeaseLost when the lease is gone.
func (s *Session) SeenDamaged(ctx context.Context) (time.Duration, error) {
	return s.damage(ctx, true)
}

// Sound notes that the cloud's records are sound. The error is ErrLeaseLost when
// the lease is gone.
func (s *Session) Sound(ctx context.Context) error {
	if !s.Suspected() {
		return nil
	}
	s.progress.damagedAt = nil
	_, err := s.damage(ctx, false)
	return err
}

func (s *Session) damage(ctx context.Context, seen bool) (time.Duration, error) {
	ms, err := s.ledger.scripts.damage.Run(ctx, s.ledger.rdb, state.Keys(s.org, ""), s.token, flag(seen)).Int64()
	switch {
	case err != nil:
		return 0, fmt.Errorf("note the state of the cloud's records of %s: %w", s.org, err)
	case ms < 0:
		return 0, ErrLeaseLost
	}
	return time.Duration(ms) * time.Millisecond, nil
}
