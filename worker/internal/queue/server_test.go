package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

func TestNewServerRefuses(t *testing.T) {
	t.Parallel()
	twice := handlers{}.registry()
	handle[jobs.Redeem](twice, nil)
	alien := handlers{}.registry()
	handle[unknown](alien, nil)
	tests := map[string]struct {
		change func(*queue.Params)
		want   string
	}{
		"a kind without a handler": {func(p *queue.Params) { p.Registry = queue.NewRegistry() }, `no handler for jobs of kind "redeem"`},
		"the other queue's kinds":  {func(p *queue.Params) { p.Queue = jobs.QueueUrgent }, `no handler for jobs of kind "sync-license"`},
		"two handlers":             {func(p *queue.Params) { p.Registry = twice }, `two handlers for jobs of kind "redeem"`},
		"an unknown kind":          {func(p *queue.Params) { p.Registry = alien }, `"unknown", which has no policy`},
		"an unknown queue":         {func(p *queue.Params) { p.Queue = "default" }, `unknown queue "default"`},
		"no handlers at once":      {func(p *queue.Params) { p.Concurrency = 0 }, "concurrency 0"},
		"no curve":                 {func(p *queue.Params) { p.Curve = jobs.Curve{} }, "backoff"},
		"no Redis":                 {func(p *queue.Params) { p.Redis = nil }, "Redis"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, handlers{})
			tt.change(&b.params)
			if _, err := queue.NewServer(b.params); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

type unknown struct{ jobs.Sweep }

func (unknown) Kind() jobs.Kind { return "unknown" }

func TestRunNeedsRedis(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{})
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = away.Close() })
	b.params.Redis = away
	server, err := queue.NewServer(b.params)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Run(t.Context()); fault.CodeOf(err) != fault.QueueUnavailable {
		t.Errorf("error %v, want queue_unavailable", err)
	}
}

func TestShutdownWaitsForHandlers(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	b := setup(t, handlers{redeem: func(ctx context.Context, _ jobs.Job[jobs.Redeem]) error {
		close(started)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	stop := b.start(t)
	id := b.enqueue(t, redeem)
	<-started
	if s := b.await(t, id, enqueue.StateActive); s.Attempts != 1 {
		t.Errorf("%+v", s)
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	close(release)
	<-stopped
	if s := b.await(t, id, enqueue.StateDone); s.Attempts != 1 {
		t.Errorf("%+v", s)
	}
}

// A handler that does not come to an end is told to, and its job goes back
// without having lost an attempt; the next worker runs it.
func TestShutdownCountsNoAttempt(t *testing.T) {
	t.Parallel()
	started := make(chan int, 1)
	var overlap atomic.Int64
	b := setup(t, handlers{redeem: func(ctx context.Context, j jobs.Job[jobs.Redeem]) error {
		if overlap.Add(1) > 1 {
			t.Error("the job runs twice at once")
		}
		defer overlap.Add(-1)
		started <- j.Attempt
		<-ctx.Done()
		return fmt.Errorf("redeem: %w", ctx.Err())
	}})
	b.params.ShutdownTimeout = 400 * time.Millisecond
	id := b.enqueue(t, redeem)
	for range 2 {
		stop := b.run(t)
		if attempt := <-started; attempt != 1 {
			t.Errorf("attempt %d, want the first again", attempt)
		}
		if err := stop(); !errors.Is(err, queue.ErrCutShort) || !strings.Contains(err.Error(), "1 jobs") {
			t.Errorf("the server ended with %v, want one job cut off", err)
		}
		if s := b.await(t, id, enqueue.StatePending); s.Attempts != 0 || s.LastError != nil {
			t.Errorf("%+v", s)
		}
	}
	if n := overlap.Load(); n != 0 {
		t.Errorf("%d handlers still run", n)
	}
}

func TestShutdownLeavesADeafHandler(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		close(started)
		<-release
		return nil
	}})
	b.params.ShutdownTimeout = 200 * time.Millisecond
	stop := b.run(t)
	id := b.enqueue(t, redeem)
	<-started
	if err := stop(); !errors.Is(err, queue.ErrCutShort) {
		t.Errorf("the server ended with %v, want one job cut off", err)
	}
	if s := b.await(t, id, enqueue.StatePending); s.Attempts != 0 {
		t.Errorf("%+v", s)
	}
	close(release)
}

func TestServersShareTheQueue(t *testing.T) {
	t.Parallel()
	const parallel = 5
	arrived, release := make(chan struct{}, parallel), make(chan struct{})
	b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		arrived <- struct{}{}
		<-release
		return nil
	}})
	b.params.Servers, b.params.Concurrency = 2, parallel
	b.start(t)
	var ids []string
	for range parallel {
		ids = append(ids, b.enqueue(t, redeem))
	}
	for range parallel { // all run at once, or this waits forever
		<-arrived
	}
	close(release)
	for _, id := range ids {
		b.await(t, id, enqueue.StateDone)
	}
}

func TestHandlerHasItsPolicysTime(t *testing.T) {
	t.Parallel()
	left := make(chan time.Duration, 1)
	b := setup(t, handlers{redeem: func(ctx context.Context, _ jobs.Job[jobs.Redeem]) error {
		deadline, _ := ctx.Deadline()
		left <- time.Until(deadline)
		return nil
	}})
	b.start(t)
	b.enqueue(t, redeem)
	policy, _ := jobs.KindRedeem.Policy()
	if got := <-left; got > policy.Timeout {
		t.Errorf("the handler has %v, but its kind %v", got, policy.Timeout)
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{})
	const n = 501 // more than a batch
	for range n {
		b.enqueue(t, redeem)
	}
	if _, err := asynq.NewInspectorFromRedisClient(b.rdb).ArchiveAllPendingTasks(string(jobs.QueueIntake)); err != nil {
		t.Fatal(err)
	}
	archived := func() int64 {
		depths, err := enqueue.Depths(t.Context(), b.rdb)
		if err != nil {
			t.Fatal(err)
		}
		return depths[0].Archived
	}
	if trimmed, err := queue.Trim(t.Context(), b.rdb, jobs.QueueIntake, time.Now().Add(-time.Hour)); trimmed != 0 || err != nil {
		t.Errorf("trimmed %d young ones, %v", trimmed, err)
	}
	if trimmed, err := queue.Trim(t.Context(), b.rdb, jobs.QueueIntake, time.Now().Add(time.Hour)); trimmed != n || err != nil {
		t.Errorf("trimmed %d, %v, want %d", trimmed, err, n)
	}
	left, err := b.rdb.Keys(t.Context(), "asynq:*:t:*").Result()
	if err != nil || archived() != 0 || len(left) != 0 {
		t.Errorf("%d in the archive, %d jobs left, %v", archived(), len(left), err)
	}
}
