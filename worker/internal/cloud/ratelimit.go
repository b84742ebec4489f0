package cloud

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"
)

// Keys in Redis. They share a slot of a Redis Cluster.
const (
	turnsKey = "sponsorsync:{cloud}:turns"
	pauseKey = "sponsorsync:{cloud}:pause"
)

//go:embed ratelimit.lua
var turnSource string

var takeTurn = redis.NewScript(turnSource)

// pace is the generic cell rate that keeps the cloud's limit.
type pace struct {
	every time.Duration // between two turns; 0 is no limit
	burst int           // turns at once
}

// newPace chooses the pace so that no 60 s ever hold more than rate requests: what
// a full bucket lets through at once (burst) plus what drips in meanwhile. A
// second more than a minute allows for requests that are not equally long on
// their way. The burst is at most half the rate, lest the drip become a crawl.
func newPace(rate, burst int) pace {
	if rate <= 0 {
		return pace{}
	}
	burst = max(1, min(burst, rate/2))
	turns := time.Duration(rate - burst + 1)
	return pace{burst: burst, every: (61*time.Second + turns - 1) / turns}
}

// turn is one look at the limit.
type turn struct {
	wait  time.Duration // until it has come, or until to ask again
	taken bool

	before, after int64 // the bucket, for giving the turn back
}

// reserve takes a turn, or says when to ask again.
func (l *SharedLimiter) reserve(ctx context.Context, urgent bool) (turn, error) {
	flag := 0
	if urgent {
		flag = 1
	}
	reply, err := takeTurn.Run(ctx, l.params.Redis, []string{turnsKey, pauseKey},
		l.pace.every.Microseconds(), l.pace.burst, flag, l.patience(ctx).Microseconds(), l.pace.every.Microseconds()).Int64Slice()
	if err != nil {
		return turn{}, err
	}
	t := turn{wait: time.Duration(reply[0]) * time.Microsecond, taken: len(reply) == 3}
	if t.taken {
		t.before, t.after = reply[1], reply[2]
	}
	return t, nil
}

// patience is how long a wait makes sense.
func (l *SharedLimiter) patience(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(l.params.MaxWait, max(deadline.Sub(l.params.Now()), 0))
	}
	return l.params.MaxWait
}

// returnTurn gives a turn back if it is still the last one. KEYS: turns. ARGV:
// the bucket before and after it.
var returnTurn = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'free') == ARGV[2] then redis.call('HSET', KEYS[1], 'free', ARGV[1]) end
return 0
`)

// giveBack is best effort: a turn that nobody uses costs the others a second.
func (l *SharedLimiter) giveBack(parent context.Context, t turn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), time.Second)
	defer cancel()
	_ = returnTurn.Run(ctx, l.params.Redis, []string{turnsKey}, t.before, t.after).Err()
}
