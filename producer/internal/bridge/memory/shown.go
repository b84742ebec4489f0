package memory

import (
	"context"
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// errorField holds the failure of the last look, in the hash of an organization and in
// that of all.
const errorField = "error"

// shown is what people see of a memory.
func shown(m merge.Memory) (string, error) {
	held := make([]state.Hold, len(m.Holds))
	for i, h := range m.Holds {
		held[i] = state.Hold{Reason: h.Reason, User: h.User, Since: h.Since}
	}
	wrote := state.Wrote{Updates: m.Writes, Deletions: m.Deletions, At: m.WroteAt}
	for why, rows := range m.Unwritten {
		if wrote.Skipped == nil {
			wrote.Skipped = map[string]int{}
		}
		wrote.Skipped[string(why)] = rows
	}
	return state.EncodeBridge(state.Bridge{Looked: m.Looked, Held: held, Wrote: wrote})
}

// Fail notes why the last look at an organization came to nothing, or for an empty one why the
// database can't be read at all. The next look that ends clears the first.
func (s *Store) Fail(ctx context.Context, org sponsorship.ID, why state.Failure) error {
	text, err := state.EncodeFailure(why)
	if err == nil {
		err = s.rdb.HSet(ctx, shownKey(org), errorField, text).Err()
	}
	if err != nil {
		return fmt.Errorf("note what is amiss with the bridge: %w", err)
	}
	return nil
}

// Well takes back what Fail noted.
func (s *Store) Well(ctx context.Context, org sponsorship.ID) error {
	if err := s.rdb.HDel(ctx, shownKey(org), errorField).Err(); err != nil {
		return fmt.Errorf("note that the bridge goes on: %w", err)
	}
	return nil
}

func shownKey(org sponsorship.ID) string {
	if org == "" {
		return state.BridgeShownKey
	}
	return state.BridgeKey(org)
}
