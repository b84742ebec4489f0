package state

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Ledger reads the records in Redis, saves connections, and erases what must go.
// It is safe for concurrent use.
type Ledger struct {
	OutboxLimit int64 // how many events may wait per shard; change it before the first use only
	// Older reports whether a worker lives that reads no packed records: they are then
	// stored so that it can. Set it before the first use only; nil: the ledger looks.
	Older func() bool

	rdb     redis.UniversalClient
	sealer  *Sealer
	scripts scripts
}

// New returns a ledger on the client, which stays the caller's to close.
func New(rdb redis.UniversalClient, sealer *Sealer) *Ledger {
	return &Ledger{OutboxLimit: OutboxLimit, rdb: rdb, sealer: sealer, scripts: newScripts()}
}

// Get returns the sponsorships with these ids, in that order; one that does not
// exist comes back as none, with its identity set.
func (l *Ledger) Get(ctx context.Context, org sponsorship.ID, ids ...sponsorship.ID) ([]sponsorship.Sponsorship, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	fields := make([]string, len(ids))
	for i, id := range ids {
		fields[i] = string(id)
	}
	values, err := l.rdb.HMGet(ctx, Key(org, "rows"), fields...).Result()
	if err != nil {
		return nil, fmt.Errorf("read sponsorships of %s: %w", org, err)
	}
	all := make([]sponsorship.Sponsorship, len(ids))
	for i, value := range values {
		all[i] = sponsorship.Sponsorship{OrganizationID: org, UserID: ids[i]}
		if text, found := value.(string); found {
			if all[i], err = DecodeRow(org, ids[i], text); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// Instant reads a time as the ledger's hashes hold it, in Unix milliseconds; what is
// none is nil.
func Instant(text string) *time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}
