package queue

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// A convoy is a number of jobs that are taken from the queue with one script, run at the
// same time, so that what they store can share scripts, too, and are done with another.
// asynq's own loops take job by job, with two scripts for each.
//
// To Redis, and to whoever looks with asynq's tools, each is a job that asynq runs. The
// convoy knows one good end only, that a job is done. Any other one goes back to the
// front of the queue, marked, and asynq runs it as if nothing had been: what
// fails or must wait, and what a convoy had to leave when it was cut off.

const (
	// convoyTime bounds a convoy: whoever misses its jobs puts them back after lostAfter,
	// since no server lists them.
	convoyTime = lostAfter / 2
	// convoyLease is asynq's own.
	convoyLease = 30 * time.Second
	// statsLife is how long asynq keeps the numbers of a day.
	statsLife = 90 * 24 * time.Hour
)

// takeScript takes at most ARGV[3] jobs from the queue as asynq does, up to the first that
// is none for a convoy: of another kind than ARGV[4..], tried before, or come back.
// KEYS are pending, paused, active, lease. ARGV[1] is when the lease ends, ARGV[2] what
// stands before an id in a job's key. It returns their ids, each with its message.
const takeScript = `
if redis.call('EXISTS', KEYS[2]) == 1 then return {} end
local kinds = {}
for n = 4, #ARGV do kinds[ARGV[n]] = true end
local waiting = redis.call('LRANGE', KEYS[1], -tonumber(ARGV[3]), -1)
local messages, leases = {}, {}
for n = #waiting, 1, -1 do
	local id = waiting[n]
	local key = ARGV[2] .. id
	local message, alone = unpack(redis.call('HMGET', key, 'msg', 'alone'))
	if not message or alone or string.byte(message, 1) ~= 10 then break end
	if not kinds[string.sub(message, 3, 2 + (string.byte(message, 2) or 0))] then break end
	redis.call('RPOPLPUSH', KEYS[1], KEYS[3])
	redis.call('HSET', key, 'state', 'active')
	redis.call('HDEL', key, 'pending_since')
	messages[#messages + 1] = id
	messages[#messages + 1] = message
	leases[#leases + 1] = ARGV[1]
	leases[#leases + 1] = id
end
if #leases > 0 then redis.call('ZADD', KEYS[4], unpack(leases)) end
return messages`

// endScript ends jobs that still run. KEYS are active, lease, completed, pending, then
// the numbers of the day and of all days; ARGV[1] what stands before an id in a job's key,
// ARGV[2] when the day's number is forgotten, ARGV[3] the largest number; then for each job its id,
// its message when it is done, or ” to put it back, and until when it is kept.
const endScript = `
local done = 0
for n = 4, #ARGV, 3 do
	local id, message, kept = ARGV[n], ARGV[n + 1], ARGV[n + 2]
	if redis.call('LREM', KEYS[1], 0, id) > 0 then
		redis.call('ZREM', KEYS[2], id)
		if message == '' then
			redis.call('HSET', ARGV[1] .. id, 'state', 'pending', 'alone', 1)
			redis.call('RPUSH', KEYS[4], id)
		else
			redis.call('HSET', ARGV[1] .. id, 'state', 'completed', 'msg', message)
			redis.call('ZADD', KEYS[3], kept, id)
			done = done + 1
		end
	end
end
if done > 0 then
	if redis.call('INCRBY', KEYS[5], done) == done then redis.call('EXPIREAT', KEYS[5], ARGV[2]) end
	local total = tonumber(redis.call('GET', KEYS[6]) or '0')
	if total + done >= tonumber(ARGV[3]) then redis.call('SET', KEYS[6], done) else redis.call('INCRBY', KEYS[6], done) end
end
return done`

// convoys runs jobs together while they come faster than one by one, until ctx ends.
func (s *Server) convoys(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.gate.busy:
		}
		for more := true; more && ctx.Err() == nil; {
			taken, err := s.convoy(ctx)
			if err != nil && ctx.Err() == nil {
				s.p.Log.Warn().Err(err).Str("queue", string(s.p.Queue)).Msg("run jobs together: they run one by one until this works")
			}
			more = err == nil && taken == s.p.Convoy
		}
	}
}

// convoy takes jobs and sees them to their end. It returns how many there were.
func (s *Server) convoy(ctx context.Context) (int, error) {
	all, err := s.take(ctx)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), convoyTime)
	defer cancel()
	ends := make([]string, len(all))
	var running sync.WaitGroup
	for i, m := range all {
		running.Go(func() { ends[i] = s.ride(ctx, m) })
	}
	running.Wait()
	return len(all), s.end(ctx, all, ends)
}

// take returns the jobs of a convoy. Those that it cannot read it will put back: to run
// them is how asynq finds damaged ones.
func (s *Server) take(ctx context.Context) ([]message, error) {
	args := []any{time.Now().Add(convoyLease).Unix(), s.key("t:"), s.p.Convoy}
	for _, k := range jobs.Kinds() {
		if policy, _ := k.Policy(); policy.Queue == s.p.Queue && policy.Public {
			args = append(args, string(k))
		}
	}
	texts, err := s.takeScript.Run(ctx, s.p.Redis, s.gate.keys, args...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("take jobs of queue %s: %w", s.p.Queue, err)
	}
	var all []message
	for pair := range slices.Chunk(texts, 2) {
		m := readMessage(pair[1])
		m.id = pair[0]
		all = append(all, m)
	}
	return all, nil
}

// ride runs one job of a convoy, and returns its message when it is done, or "" for
// asynq to run it again. That run will tell what is the matter.
func (s *Server) ride(ctx context.Context, m message) string {
	if !m.plain || m.retried > 0 || m.retention <= 0 {
		return ""
	}
	if !s.once(ctx, delivery{kind: jobs.Kind(m.kind), id: m.id, payload: m.payload, attempt: 1}.with(m.headers)) {
		return ""
	}
	return string(m.completed(time.Now()))
}

// once runs a job for the first time, and reports whether that was its end. If not, it is
// to be run by itself as if nothing had been.
func (s *Server) once(ctx context.Context, d delivery) (ended bool) {
	s.running.Add(1)
	defer s.running.Add(-1)
	began := s.p.Now()
	err := s.attempt(ctx, &d)
	if err != nil && !jobs.IsRefused(err) {
		return false
	}
	v, took := decide(err, situation{attempt: 1, maxAttempts: d.policy.MaxAttempts}), s.p.Now().Sub(began)
	s.report(d, v, took)
	s.p.Observe(string(d.kind), v.outcome, took)
	return true
}

// end tells Redis how the jobs ended. One that has been taken for lost meanwhile
// is another's.
func (s *Server) end(ctx context.Context, all []message, ends []string) error {
	now := time.Now()
	args := []any{s.key("t:"), now.Add(statsLife).Unix(), strconv.FormatInt(math.MaxInt64, 10)}
	// Those that go back are pushed to the front one after another: the first must be last.
	for i := range slices.Backward(all) {
		args = append(args, all[i].id, ends[i], now.Add(all[i].retention).Unix())
	}
	keys := []string{s.key("active"), s.key("lease"), s.key("completed"), s.key("pending"),
		s.key("processed:" + now.UTC().Format(time.DateOnly)), s.key("processed")}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), convoyTime)
	defer cancel()
	if err := s.endScript.Run(ctx, s.p.Redis, keys, args...).Err(); err != nil {
		return fmt.Errorf("end %d jobs of queue %s: %w", len(all), s.p.Queue, err)
	}
	return nil
}

// newConvoyScripts are hashed once per server.
func newConvoyScripts() (take, end *redis.Script) {
	return redis.NewScript(takeScript), redis.NewScript(endScript)
}
