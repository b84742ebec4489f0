package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Limiter says when a request may leave.
type Limiter interface {
	// Wait returns nil when the next request may leave now; a [*NotYet] when that
	// is too far away; the lane's own error.
	Wait(ctx context.Context, lane Lane) error
	// PauseUntil holds every request of every worker back until then; an earlier
	// pause that lasts longer stays.
	PauseUntil(ctx context.Context, until time.Time) error
}

// maxWait bounds how long a request waits for its turn by default.
const maxWait = 45 * time.Second

// LimiterParams holds what a [SharedLimiter] is built from. Redis and Now are
// required.
type LimiterParams struct {
	Redis redis.UniversalClient
	Rate  int // requests in any 60 s; 0 is no limit, but a pause is still obeyed
	Burst int // at once
	Now   func() time.Time

	MaxWait time.Duration                              // a longer wait is a [*NotYet] at once; 0 is 45 s
	Sleep   func(context.Context, time.Duration) error // nil is a timer; tests move a clock
	Waited  func(time.Duration)                        // told of every wait that ended well, also of 0; may be nil
}

// SharedLimiter keeps the cloud's limits for all workers together. A request
// reserves its turn in Redis and sleeps until that has come, so that nobody
// starves, however many wait. Without Redis there is no permission: it never
// fails open.
type SharedLimiter struct {
	params LimiterParams
	pace   pace
}

// NewLimiter returns the limiter that all workers on this Redis share.
func NewLimiter(p LimiterParams) (*SharedLimiter, error) {
	if p.Redis == nil || p.Now == nil {
		return nil, errors.New("new cloud limiter: Redis and Now are required")
	}
	if p.Sleep == nil {
		p.Sleep = jobs.Sleep
	}
	if p.Waited == nil {
		p.Waited = func(time.Duration) {}
	}
	p.MaxWait = cmp.Or(p.MaxWait, maxWait)
	return &SharedLimiter{params: p, pace: newPace(p.Rate, p.Burst)}, nil
}

// Wait implements [Limiter]. An urgent request takes the next free turn at once; a
// bulk one looks again until its turn is near.
func (l *SharedLimiter) Wait(ctx context.Context, lane Lane) error {
	start := l.params.Now()
	for {
		urgent, err := lane(ctx)
		if err != nil {
			return err
		}
		t, err := l.reserve(ctx, urgent)
		switch {
		case err != nil:
			return l.unavailable(ctx, err)
		case !t.taken && t.wait > l.patience(ctx):
			return &NotYet{After: t.wait}
		case t.taken:
			if used, err := l.use(ctx, t); err != nil || used {
				if err == nil && t.wait > 0 { // much may have happened meanwhile
					_, err = lane(ctx)
				}
				l.params.Waited(l.params.Now().Sub(start))
				return err
			}
		default:
			if err := l.rest(ctx, min(t.wait, l.lookAgain())); err != nil {
				return err
			}
		}
	}
}

// lookAgain is how long a bulk request waits at most until it asks its lane
// again: a fraction of a turn, so that one which became urgent loses none.
func (l *SharedLimiter) lookAgain() time.Duration { return max(l.pace.every/4, time.Millisecond) }

// use sleeps until the turn has come. The turn is void if a pause has begun
// meanwhile, or if this process slept through it (it was suspended): then others
// have had their turns, and one too many would leave now.
func (l *SharedLimiter) use(ctx context.Context, t turn) (bool, error) {
	if t.wait <= 0 {
		return true, nil
	}
	due := l.params.Now().Add(t.wait)
	if err := l.rest(ctx, t.wait); err != nil {
		l.giveBack(ctx, t)
		return false, err
	}
	if l.params.Now().Sub(due) > max(l.pace.every, time.Second) {
		return false, nil
	}
	pause, err := l.params.Redis.PTTL(ctx, pauseKey).Result() // negative without a pause
	if err != nil {
		return false, l.unavailable(ctx, err)
	}
	return pause <= 0, nil
}

func (l *SharedLimiter) rest(ctx context.Context, d time.Duration) error {
	if err := l.params.Sleep(ctx, d); err != nil {
		return fmt.Errorf("wait for a turn at the cloud: %w", err)
	}
	return nil
}

// extendPause sets the pause unless a longer one is set. KEYS: pause. ARGV:
// milliseconds, and when it ends, for people who look.
var extendPause = redis.NewScript(`
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
end
return 0
`)

// PauseUntil implements [Limiter]. What is shared is the time left, not the date,
// so clocks that disagree do no harm.
func (l *SharedLimiter) PauseUntil(ctx context.Context, until time.Time) error {
	left := until.Sub(l.params.Now()).Milliseconds()
	if left <= 0 {
		return nil
	}
	err := extendPause.Run(ctx, l.params.Redis, []string{pauseKey}, left, until.UTC().Format(time.RFC3339)).Err()
	if err != nil {
		return l.unavailable(ctx, err)
	}
	return nil
}

func (l *SharedLimiter) unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("wait for a turn at the cloud: %w", context.Cause(ctx))
	}
	return fault.Wrap(fault.QueueUnavailable, err, "wait for a turn at the cloud: Redis, which counts the requests of all workers, does not answer")
}
