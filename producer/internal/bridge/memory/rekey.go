package memory

import (
	"context"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Rekey seals the key of an organization's digests under the first encryption key, and
// reports whether it was not before. The digests stay as they are.
func (s *Store) Rekey(ctx context.Context, org sponsorship.ID) (bool, error) {
	return s.sealer.Rekey(ctx, s.rdb, state.Sealed{Key: state.BridgeKey(org), Field: "key", Place: keyPlace(org)})
}
