package ledger

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// BeatInterval is how often a worker looks at the ledger's clock. A minute without
// any look at all is taken for a jump of the time (jobs/state/lua/prelude.lua): two looks
// may fail.
const BeatInterval = 25 * time.Second

// clocks are the ledger's time as this process knows it: what the scripts of each
// shard said last, and what has gone by since on a clock that nobody sets.
type clocks [state.Shards]atomic.Pointer[reading]

type reading struct {
	ledger time.Time
	taken  time.Time // with its monotonic part
	floor  uint64
}

// ahead is how far this process may believe to be ahead of what a script said: the
// reply was on its way for a while. More than that, and the clocks run unequally.
const ahead = time.Second

// learn notes what a script said. A reply that took longer than the one before it
// does not move the time back.
func (c *clocks) learn(shard int, now, floor int64) {
	told := time.UnixMilli(now).UTC()
	if c[shard].Load() != nil {
		if believed := c.now(shard); believed.After(told) && believed.Sub(told) < ahead {
			told = believed
		}
	}
	c[shard].Store(&reading{ledger: told, taken: time.Now(), floor: uint64(max(floor, 0))})
}

func (c *clocks) now(shard int) time.Time {
	r := c[shard].Load()
	if r == nil {
		return time.Now().UTC()
	}
	return r.ledger.Add(time.Since(r.taken))
}

func (c *clocks) floor(shard int) uint64 {
	if r := c[shard].Load(); r != nil {
		return r.floor
	}
	return 0
}

// Now is the ledger's time for an organization: the one clock of all workers, by
// which every date in it is set. It is Redis' time, but never goes back. Before the
// first [Ledger.Beat] it is this machine's.
func (l *Ledger) Now(org sponsorship.ID) time.Time { return l.clocks.now(state.Shard(org)) }

// ShardNow is the same for a shard.
func (l *Ledger) ShardNow(shard int) time.Time { return l.clocks.now(shard) }

// Beat asks for the time of every shard, in one round trip. Call it at every
// [BeatInterval], and before anything else.
func (l *Ledger) Beat(ctx context.Context) error {
	told, err := l.everyShard(ctx, l.rdb, l.scripts.beat.EvalSha)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		told, err = l.everyShard(ctx, l.rdb, l.scripts.beat.Eval)
	}
	if err == nil {
		l.memory.uncounted.Store(slices.ContainsFunc(told, func(reply []int64) bool { return reply[2] == 1 }))
	}
	return wrap(err, "ask the ledger for the time")
}

// Pipeliner is a connection that sends commands together.
type Pipeliner interface{ Pipeline() redis.Pipeliner }

// runScript is how a script is run: by its hash, or with its source.
type runScript func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

// everyShard runs a script once per shard, all in one round trip, and learns the
// time from the two numbers with which each reply begins.
func (l *Ledger) everyShard(ctx context.Context, conn Pipeliner, run runScript, args ...any) ([][]int64, error) {
	pipe := conn.Pipeline()
	replies := make([]*redis.Cmd, state.Shards)
	for shard := range replies {
		replies[shard] = run(ctx, pipe, state.ShardKeys(shard), args...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	told := make([][]int64, len(replies))
	for shard, reply := range replies {
		var err error
		if told[shard], err = reply.Int64Slice(); err != nil {
			return nil, err
		}
		l.clocks.learn(shard, told[shard][0], told[shard][1])
	}
	return told, nil
}

// at reads the two numbers at the head of a reply.
func (l *Ledger) at(org sponsorship.ID, now, floor string) {
	ms, _ := strconv.ParseInt(now, 10, 64)
	least, _ := strconv.ParseInt(floor, 10, 64)
	l.clocks.learn(state.Shard(org), ms, least)
}

// raised is the record as scripts see it: no revision lies below the floor.
func (l *Ledger) raised(s sponsorship.Sponsorship) sponsorship.Sponsorship {
	s.Revision = max(s.Revision, l.clocks.floor(state.Shard(s.OrganizationID)))
	return s
}
