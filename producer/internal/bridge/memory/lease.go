package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Life is how long the lease lasts without being taken again.
const Life = 30 * time.Second

// Holder is who asks for the lease.
type Holder struct {
	Token string // of this bridge alone
	Mode  string // in which it works, for people
}

// Take takes the lease, or makes it last longer. It reports whether the holder has it:
// false while another bridge works.
func (s *Store) Take(ctx context.Context, h Holder) (bool, error) {
	taken, err := s.take.Run(ctx, s.rdb, []string{state.BridgeLeaseKey, state.BridgeShownKey}, h.Token, Life.Milliseconds(), h.Mode).Bool()
	if err != nil {
		return false, fmt.Errorf("take the bridge's lease: %w", err)
	}
	return taken, nil
}

// Leave gives the lease back, so that another bridge need not wait for its end.
func (s *Store) Leave(ctx context.Context, h Holder) error {
	if err := s.leave.Run(ctx, s.rdb, []string{state.BridgeLeaseKey}, h.Token).Err(); err != nil {
		return fmt.Errorf("give the bridge's lease back: %w", err)
	}
	return nil
}

// Ask asks the bridge that works to look at an organization at once.
func (s *Store) Ask(ctx context.Context, org sponsorship.ID) error {
	if err := s.rdb.SAdd(ctx, state.BridgeAskedKey, string(org)).Err(); err != nil {
		return fmt.Errorf("ask the bridge to look at %s: %w", org, err)
	}
	return nil
}

// askedAtOnce bounds how many organizations one Asked returns.
const askedAtOnce = 1000

// Asked returns the organizations that somebody asked for, each once.
func (s *Store) Asked(ctx context.Context) ([]sponsorship.ID, error) {
	names, err := s.rdb.SPopN(ctx, state.BridgeAskedKey, askedAtOnce).Result()
	if err != nil {
		return nil, fmt.Errorf("see which organizations the bridge is asked to look at: %w", err)
	}
	all := make([]sponsorship.ID, len(names))
	for i, name := range names {
		all[i] = sponsorship.ID(name)
	}
	return all, nil
}
