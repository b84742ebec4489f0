package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// stoppedKey stands while a person has stopped all sending; an organization's own
// stop is a field of its hash. Both stay over restarts.
const stoppedKey = "sponsorsync:stopped"

const stoppedField = "stopped"

// Stop is the emergency stop: from now on no request of the organization leaves,
// or none at all for an empty one, until [Ledger.Go].
func (l *Ledger) Stop(ctx context.Context, org sponsorship.ID, now time.Time) error {
	since := now.UTC().Format(time.RFC3339)
	if org == "" {
		if err := l.rdb.Set(ctx, stoppedKey, since, 0).Err(); err != nil {
			return fmt.Errorf("pause everything: %w", err)
		}
		return nil
	}
	pipe := l.rdb.TxPipeline()
	pipe.HSet(ctx, Key(org, ""), stoppedField, since)
	pipe.ZAdd(ctx, ShardKey(Shard(org), "orgs"), redis.Z{Member: string(org)})
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("pause %s: %w", org, err)
	}
	return nil
}

// Go ends a stop of the same kind, and reports whether there was one.
func (l *Ledger) Go(ctx context.Context, org sponsorship.ID) (bool, error) {
	var ended *redis.IntCmd
	if org == "" {
		ended = l.rdb.Del(ctx, stoppedKey)
	} else {
		ended = l.rdb.HDel(ctx, Key(org, ""), stoppedField)
	}
	n, err := ended.Result()
	if err != nil {
		return false, fmt.Errorf("resume: %w", err)
	}
	return n > 0, nil
}

// Stopped reports whether nothing of the organization may leave; of an empty one,
// nothing at all.
func (l *Ledger) Stopped(ctx context.Context, org sponsorship.ID) (bool, error) {
	pipe := l.rdb.Pipeline()
	all := pipe.Exists(ctx, stoppedKey)
	one := pipe.HExists(ctx, Key(org, ""), stoppedField)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("look whether sending is paused: %w", err)
	}
	return all.Val() > 0 || one.Val(), nil
}
