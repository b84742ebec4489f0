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

// Look says which part of a shard a sweep looks at.
type Look struct {
	Ago           time.Duration // what is dated later than that is not looked at
	Offset, Limit int           // of those, the oldest first
}

// Stuck returns the organizations of a shard whose work was ready look.Ago, that no
// sync holds, and that are neither in a backoff nor paused. more: there are others
// to look at.
func (l *Ledger) Stuck(ctx context.Context, shard int, look Look) (stuck []Wake, more bool, err error) {
	ids, err := l.dated(ctx, state.ShardKey(shard, "work"), look.from(l.ShardNow(shard)))
	if err != nil || len(ids) == 0 {
		return nil, false, wrap(err, "look for stuck work")
	}
	pipe := l.rdb.Pipeline()
	leases, known := make([]*redis.IntCmd, len(ids)), make([]*redis.SliceCmd, len(ids))
	for i, id := range ids {
		org := sponsorship.ID(id.Member.(string))
		leases[i] = pipe.Exists(ctx, state.Key(org, "lease"))
		known[i] = pipe.HMGet(ctx, state.Key(org, ""), "generation", "retryAt", "stopped")
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, false, fmt.Errorf("look for stuck work: %w", err)
	}
	for i, id := range ids {
		generation, _ := known[i].Val()[0].(string)
		retryAt, _ := known[i].Val()[1].(string)
		if at := state.Instant(retryAt); leases[i].Val() == 0 && known[i].Val()[2] == nil && (at == nil || !at.After(l.ShardNow(shard))) {
			stuck = append(stuck, Wake{sponsorship.ID(id.Member.(string)), cmp.Or(generation, "0")})
		}
	}
	return stuck, len(ids) == look.Limit, nil
}

// DueSync is an organization whose date for a full sync has come.
type DueSync struct {
	Organization sponsorship.ID
	Date         time.Time
}

// DueSyncs returns the organizations of a shard whose next full sync was due
// look.Ago, but for those that are paused. more: there are others to look at.
func (l *Ledger) DueSyncs(ctx context.Context, shard int, look Look) (due []DueSync, more bool, err error) {
	ids, err := l.dated(ctx, state.ShardKey(shard, "schedule"), look.from(l.ShardNow(shard)))
	if err != nil || len(ids) == 0 {
		return nil, false, wrap(err, "look for due syncs")
	}
	pipe := l.rdb.Pipeline()
	stopped := make([]*redis.BoolCmd, len(ids))
	for i, id := range ids {
		stopped[i] = pipe.HExists(ctx, state.Key(sponsorship.ID(id.Member.(string)), ""), "stopped")
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, false, fmt.Errorf("look for due syncs: %w", err)
	}
	for i, id := range ids {
		if !stopped[i].Val() {
			due = append(due, DueSync{sponsorship.ID(id.Member.(string)), time.UnixMilli(int64(id.Score)).UTC()})
		}
	}
	return due, len(ids) == look.Limit, nil
}

// BringBack brings the dates of a shard's full syncs back that lie further ahead
// than `most`: such a one was set by a clock that was wrong, or when the interval
// was a longer one. It returns how many it was, of one page.
func (l *Ledger) BringBack(ctx context.Context, shard int, most time.Duration) (n int, err error) {
	ids, err := l.rdb.ZRangeByScore(ctx, state.ShardKey(shard, "schedule"), &redis.ZRangeBy{
		Min: "(" + strconv.FormatInt(l.ShardNow(shard).Add(most).UnixMilli(), 10), Max: "+inf", Count: state.ScriptRows,
	}).Result()
	for _, id := range ids {
		if err != nil {
			break
		}
		var brought int
		brought, err = l.scripts.bringBack.Run(ctx, l.rdb, state.Keys(sponsorship.ID(id), ""), most.Milliseconds()).Int()
		n += brought
	}
	return n, wrap(err, "bring the dates of syncs back")
}

func (l *Ledger) dated(ctx context.Context, key string, r *redis.ZRangeBy) ([]redis.Z, error) {
	return l.rdb.ZRangeByScoreWithScores(ctx, key, r).Result()
}

func (l Look) from(now time.Time) *redis.ZRangeBy {
	return &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(now.Add(-l.Ago).UnixMilli(), 10), Offset: int64(l.Offset), Count: int64(l.Limit),
	}
}
