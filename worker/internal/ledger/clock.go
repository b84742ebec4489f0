package ledger

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// BeatInterval is how often a worker looks at the ledger's clock. A minute without
// any look at all is taken for a jump of the time (jobs/state/lua/prelude.lua).
const BeatInterval = 5 * time.Second

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

// Beat asks for the time of every shard. Call it at every [BeatInterval], and
// before anything else.
func (l *Ledger) Beat(ctx context.Context) error {
	for shard := range state.Shards {
		reply, err := l.scripts.beat.Run(ctx, l.rdb, state.ShardKeys(shard)).Int64Slice()
		if err != nil {
			return fmt.Errorf("ask the ledger for the time: %w", err)
		}
		l.clocks.learn(shard, reply[0], reply[1])
	}
	return nil
}

// Pipeliner is a connection that sends commands together.
type Pipeliner interface{ Pipeline() redis.Pipeliner }

// NoteRun tells every shard under which run id Redis runs, over a connection that
// nobody else uses yet, and returns whether one knew another. A store that went
// back in time must count on above what it had published, before it is used.
//
// It sends one pipeline: a script by itself would be held up by what waits for
// this very connection (package pipeline).
func (l *Ledger) NoteRun(ctx context.Context, conn Pipeliner, run string) (another bool, err error) {
	pipe := conn.Pipeline()
	replies := make([]*redis.Cmd, state.Shards)
	for shard := range replies {
		replies[shard] = l.scripts.run.Eval(ctx, pipe, state.ShardKeys(shard), run)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return false, fmt.Errorf("note that Redis runs anew: %w", err)
	}
	for shard, reply := range replies {
		told, err := reply.Int64Slice()
		if err != nil {
			return another, fmt.Errorf("note that Redis runs anew: %w", err)
		}
		l.clocks.learn(shard, told[0], told[1])
		another = another || told[2] == 1
	}
	return another, nil
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
