package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Wake is an organization that has had work for too long while no sync of it
// runs, and the generation to wake it under.
type Wake struct {
	Organization sponsorship.ID
	Generation   string
}

// Stuck returns up to n organizations of a shard whose work has been ready for
// longer than grace and that no sync holds.
func (l *Ledger) Stuck(ctx context.Context, shard int, grace time.Duration, n int) ([]Wake, error) {
	ids, err := l.dated(ctx, state.ShardKey(shard, "work"), l.ShardNow(shard).Add(-grace), n)
	if err != nil || len(ids) == 0 {
		return nil, wrap(err, "look for stuck work")
	}
	pipe := l.rdb.Pipeline()
	leases, generations := make([]*redis.IntCmd, len(ids)), make([]*redis.StringCmd, len(ids))
	for i, id := range ids {
		org := sponsorship.ID(id.Member.(string))
		leases[i] = pipe.Exists(ctx, state.Key(org, "lease"))
		generations[i] = pipe.HGet(ctx, state.Key(org, ""), "generation")
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("look for stuck work: %w", err)
	}
	var stuck []Wake
	for i, id := range ids {
		if leases[i].Val() == 0 {
			stuck = append(stuck, Wake{sponsorship.ID(id.Member.(string)), cmp.Or(generations[i].Val(), "0")})
		}
	}
	return stuck, nil
}

// DueSync is an organization whose date for a full sync has come.
type DueSync struct {
	Organization sponsorship.ID
	Date         time.Time
}

// DueSyncs returns up to n organizations of a shard whose next full sync is due.
func (l *Ledger) DueSyncs(ctx context.Context, shard int, n int) ([]DueSync, error) {
	ids, err := l.dated(ctx, state.ShardKey(shard, "schedule"), l.ShardNow(shard), n)
	if err != nil {
		return nil, fmt.Errorf("look for due syncs: %w", err)
	}
	due := make([]DueSync, len(ids))
	for i, id := range ids {
		due[i] = DueSync{sponsorship.ID(id.Member.(string)), time.UnixMilli(int64(id.Score)).UTC()}
	}
	return due, nil
}

func (l *Ledger) dated(ctx context.Context, key string, until time.Time, n int) ([]redis.Z, error) {
	return l.rdb.ZRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(until.UnixMilli(), 10), Count: int64(n),
	}).Result()
}
