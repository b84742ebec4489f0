package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Limiter says when a request may leave.
type Limiter interface {
	// Wait returns nil when the next request may leave now.
	Wait(ctx context.Context) error
	// PauseUntil holds every request of every worker back until then; an earlier
	// pause that lasts longer stays.
	PauseUntil(ctx context.Context, until time.Time) error
}

// Keys in Redis. The library puts "rate:" before the first.
const (
	requestsKey = "sponsorsync:cloud:requests"
	pauseKey    = "sponsorsync:cloud:pause"
)

// LimiterParams holds what a [SharedLimiter] is built from. Redis and Now are
// required.
type LimiterParams struct {
	Redis redis.UniversalClient
	Rate  int // requests in any 60 s; 0 is no limit, but a pause is still obeyed
	Burst int // at once
	Now   func() time.Time

	MaxWait time.Duration                              // a longer wait is an error at once; 0 is as long as the context allows
	Sleep   func(context.Context, time.Duration) error // nil is a timer; tests move a clock
	Waited  func(time.Duration)                        // told of every wait that ended well, also of 0; may be nil
}

// SharedLimiter keeps the cloud's limits for all workers together, by a counter
// in Redis. Without Redis there is no permission: it never fails open.
type SharedLimiter struct {
	params LimiterParams
	bucket *redis_rate.Limiter
	limit  redis_rate.Limit
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
	return &SharedLimiter{params: p, bucket: redis_rate.NewLimiter(p.Redis), limit: gcra(p.Rate, p.Burst)}, nil
}

// gcra chooses the bucket so that no 60 s ever hold more than rate requests: what
// a full bucket lets through at once (burst) plus what drips in meanwhile. A
// second more than a minute allows for requests that are not equally long on
// their way. The burst is at most half the rate, lest the drip become a crawl.
func gcra(rate, burst int) redis_rate.Limit {
	if rate <= 0 {
		return redis_rate.Limit{}
	}
	burst = max(1, min(burst, rate/2))
	return redis_rate.Limit{Burst: burst, Rate: rate - burst + 1, Period: 61 * time.Second}
}

// Wait blocks until a request may leave. It fails at once, with the time to wait
// in RetryAfter, when that is later than the context's deadline or MaxWait allow:
// a job that waits for nothing had better come back.
func (l *SharedLimiter) Wait(ctx context.Context) error {
	start := l.params.Now()
	for {
		hold, err := l.next(ctx)
		if err != nil {
			return l.unavailable(ctx, err)
		}
		if hold <= 0 {
			l.params.Waited(l.params.Now().Sub(start))
			return nil
		}
		if l.tooLate(ctx, start, hold) {
			return tooLong(hold)
		}
		if err := l.params.Sleep(ctx, hold); err != nil {
			return fmt.Errorf("wait for a turn at the cloud: %w", err)
		}
	}
}

// next takes a turn and returns 0, or says how long there is none. The pause is
// read last, so that one which begins meanwhile is not missed.
func (l *SharedLimiter) next(ctx context.Context) (time.Duration, error) {
	if !l.limit.IsZero() {
		turn, err := l.bucket.Allow(ctx, requestsKey, l.limit)
		if err != nil {
			return 0, err
		}
		if turn.Allowed == 0 {
			return max(turn.RetryAfter, time.Millisecond), nil
		}
	}
	return l.params.Redis.PTTL(ctx, pauseKey).Result() // negative without a pause
}

func (l *SharedLimiter) tooLate(ctx context.Context, start time.Time, hold time.Duration) bool {
	end := l.params.Now().Add(hold)
	deadline, ok := ctx.Deadline()
	return ok && end.After(deadline) || l.params.MaxWait > 0 && end.Sub(start) > l.params.MaxWait
}

func tooLong(hold time.Duration) *Error {
	return &Error{
		RetryAfter: max(hold, minPause),
		Fault: fault.New(fault.CloudRateLimited,
			"wait for a turn at the cloud: its limit, which all workers share, allows the next request in %s", hold.Round(time.Second)),
	}
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
