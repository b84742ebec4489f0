package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// asynq dates what waits by the clock of the machine that it runs on, and looks at
// those dates by another's. Of two workers a day apart one would call a retry of the
// other's a day late, or forget what the other has just done. So its own looks are put
// off forever; what waits is dated and called by the clock that all workers share.
const asynqNever = 100 * 365 * 24 * time.Hour

const (
	// delayedPoll is as fine as asynq's delays are.
	delayedPoll = time.Second
	// nothingPoll is for as long as nothing waits. What this server puts off it knows; what
	// others put off they call themselves, unless they are killed.
	nothingPoll = 5 * time.Second
	// delayedBatch keeps a script short.
	delayedBatch = 100
	// doneSlack is how much longer a job that is done can be looked up: the worker
	// that did it may have been behind by that much.
	doneSlack = 24 * time.Hour
	// trimEvery is how many looks pass between two at what is done for long.
	trimEvery = 12
)

// callScript moves jobs whose time has come from KEYS[1] to the queue KEYS[2]: those
// dated until ARGV[1] (Unix seconds), at most ARGV[2]. ARGV[3] is what stands before
// an id in a job's key, ARGV[4] the time in nanoseconds. It returns how many.
const callScript = `
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
	redis.call('LPUSH', KEYS[2], id)
	redis.call('ZREM', KEYS[1], id)
	redis.call('HSET', ARGV[3] .. id, 'state', 'pending', 'pending_since', ARGV[4])
end
return #ids`

// watchDelayed calls what waits for its time, and forgets what is done for long,
// until ctx ends.
func (s *Server) watchDelayed(ctx context.Context) {
	looks := 0
	for away := false; ; looks++ {
		pause, err := s.call(ctx)
		if err == nil && looks%trimEvery == 0 {
			_, err = trim(ctx, s.p.Redis, trimming{s.p.Queue, "completed", s.p.Clock().Add(-doneSlack)})
		}
		if err != nil && !away && ctx.Err() == nil {
			s.p.Log.Warn().Err(err).Str("queue", string(s.p.Queue)).Msg("call jobs that wait for their time: will look again")
		}
		away = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		case <-s.putOff:
			_ = jobs.Sleep(ctx, delayedPoll) // asynq writes it down only now; the loop looks at ctx itself
		}
	}
}

// call returns how soon to look again.
func (s *Server) call(ctx context.Context) (pause time.Duration, err error) {
	waiting, err := s.p.Redis.Exists(ctx, s.key("scheduled"), s.key("retry")).Result()
	if err != nil {
		return delayedPoll, fmt.Errorf("look for jobs of queue %s that wait for their time: %w", s.p.Queue, err)
	}
	if waiting == 0 {
		return nothingPoll, nil
	}
	script := redis.NewScript(callScript)
	for _, set := range []string{"scheduled", "retry"} {
		for n := delayedBatch; n == delayedBatch; {
			now := s.p.Clock()
			n, err = script.Run(ctx, s.p.Redis, []string{s.key(set), s.key("pending")},
				now.Unix(), delayedBatch, s.key("t:"), now.UnixNano()).Int()
			if err != nil {
				return delayedPoll, fmt.Errorf("call jobs of queue %s whose time has come: %w", s.p.Queue, err)
			}
		}
	}
	return delayedPoll, nil
}

// ahead is how far the shared clock is ahead of the one that asynq adds a delay to.
func (s *Server) ahead() time.Duration { return s.p.Clock().Sub(time.Now().Round(0)) }
