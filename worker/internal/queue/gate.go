package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
)

const (
	// gateBlock is how long one wait for a job lasts.
	gateBlock = 5 * time.Second
	// gateRetry is how long the loops look themselves after a wait that failed.
	gateRetry = time.Second
	// gateSlack is how much later an answer may be before Redis is taken to be away.
	gateSlack = 3 * time.Second
)

// gate keeps asynq's loops from asking Redis for jobs while there are none. asynq sleeps
// between two looks and has no wake-up; looking twenty times a second is what an idle
// worker would mostly do. While the queue is empty one command waits in Redis instead,
// and the loops wait here, until there is a job or the server ends.
//
// The wait is BLMOVE of the queue's end onto itself: it takes nothing, moves nothing,
// and is served by whatever puts a job in, also a foreign client. Where Redis has no
// such command, or refuses it, the loops ask as ever.
type gate struct {
	rdb     redis.UniversalClient
	keys    []string        // of the script with which asynq takes a job
	emptied chan struct{}   // of size 1: a loop has found the queue empty
	ended   <-chan struct{} // set before the loops start
	streak  atomic.Int64    // jobs that were taken since the queue was last empty
	busy    chan struct{}   // of size 1: more than one was

	mu   sync.Mutex
	open chan struct{} // closed as long as the loops may ask
}

func newGate(rdb redis.UniversalClient, key func(part string) string) *gate {
	g := &gate{
		rdb: rdb, emptied: make(chan struct{}, 1), busy: make(chan struct{}, 1), open: make(chan struct{}),
		keys: []string{key("pending"), key("paused"), key("active"), key("lease")},
	}
	close(g.open)
	return g
}

// watch waits for jobs when there are none, until ctx ends. A wait that is under way then
// cannot be called back: it ends in its own time, or when the client is closed, and
// takes nothing with it. So nobody should wait for watch.
func (g *gate) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.emptied:
		}
		open := make(chan struct{})
		g.mu.Lock()
		g.open = open
		g.mu.Unlock()
		err := g.await(ctx)
		close(open)
		if err != nil && jobs.Sleep(ctx, gateRetry) != nil { // meanwhile the loops look themselves
			return
		}
	}
}

// pass returns when a loop may ask, or false when the server has ended.
func (g *gate) pass() bool {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
		return true
	case <-g.ended:
		return false
	}
}

// await returns once there is a job, or when nobody can tell.
func (g *gate) await(ctx context.Context) error {
	for ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(ctx, gateBlock+gateSlack)
		err := g.rdb.BLMove(bounded, g.keys[0], g.keys[0], "RIGHT", "RIGHT", gateBlock).Err()
		cancel()
		if !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// gated is Redis as asynq's loops see it behind a gate.
type gated struct {
	redis.UniversalClient
	gate *gate
}

// EvalSha implements redis.Scripter. redis.Nil is how Redis says that no job waits.
func (g gated) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if !slices.Equal(keys, g.gate.keys) {
		return g.UniversalClient.EvalSha(ctx, sha, keys, args...)
	}
	if !g.gate.pass() {
		none := redis.NewCmd(ctx)
		none.SetErr(redis.Nil)
		return none
	}
	job := g.UniversalClient.EvalSha(ctx, sha, keys, args...)
	g.gate.note(job.Err())
	return job
}

// Eval implements redis.Scripter: so the first job of all is taken.
func (g gated) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	job := g.UniversalClient.Eval(ctx, script, keys, args...)
	if slices.Equal(keys, g.gate.keys) {
		g.gate.note(job.Err())
	}
	return job
}

// note hears how it went to ask for a job.
func (g *gate) note(err error) {
	switch {
	case errors.Is(err, redis.Nil):
		g.streak.Store(0)
		hint(g.emptied)
	case err == nil && g.streak.Add(1) > 1:
		hint(g.busy)
	}
}

// hint is noticed once, however often it is given meanwhile.
func hint(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}
