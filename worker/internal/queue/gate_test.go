package queue_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// looks counts what a server asks to find jobs, and may refuse the wait.
type looks struct {
	fetches, waits atomic.Int64
	refused        error
}

func (l *looks) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (l *looks) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l *looks) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		args := cmd.Args()
		switch {
		case cmd.Name() == "blmove":
			l.waits.Add(1)
			if l.refused != nil {
				cmd.SetErr(l.refused)
				return l.refused
			}
		case cmd.Name() == "evalsha" && args[3] == enqueue.QueueKey(jobs.QueueIntake, "pending") && args[2] == 4:
			l.fetches.Add(1)
		}
		return next(ctx, cmd)
	}
}

// awaitWaits waits for the n-th wait of the server.
func (l *looks) await(t *testing.T, n int64) {
	t.Helper()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return l.waits.Load() >= n })
}

func TestAnEmptyQueueIsNotAskedAgainAndAgain(t *testing.T) {
	t.Parallel()
	b, l := setup(t, handlers{}), &looks{}
	b.rdb.AddHook(l)
	b.start(t)
	l.await(t, 1)
	first := l.fetches.Load()
	id := b.raw(t, string(jobs.KindSweep), `{"tick":1}`) // as a foreign client does
	b.await(t, id, enqueue.StateDone)
	waits := l.waits.Load()
	l.await(t, waits+1) // it is empty again, and nobody came for seconds
	if n := l.fetches.Load() - first; n < 1 || n > 4 {
		t.Errorf("%d looks for one job", n)
	}
}

func TestAQueueThatCannotBeWaitedForIsAsked(t *testing.T) {
	t.Parallel()
	b, l := setup(t, handlers{}), &looks{refused: errors.New("NOPERM this user has no permissions to run the 'blmove' command")}
	b.rdb.AddHook(l)
	b.start(t)
	l.await(t, 1)
	id := b.enqueue(t, redeem)
	b.await(t, id, enqueue.StateDone)
}

// The wait must not take the job that it has seen, nor change whose turn it is.
func TestTheWaitMovesNothing(t *testing.T) {
	t.Parallel()
	b, l := setup(t, handlers{}), &looks{}
	b.params.Concurrency, b.params.Servers = 1, 1
	b.rdb.AddHook(l)
	stop := b.start(t)
	l.await(t, 1)
	jobstest.Must(t, b.rdb.Set(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "paused"), 1, 0).Err())
	ids := []string{b.enqueue(t, redeem), b.enqueue(t, redeem), b.enqueue(t, redeem)}
	waits := l.waits.Load()
	l.await(t, waits+2) // of a queue that is paused
	pending := jobstest.Value(b.rdb.LRange(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "pending"), 0, -1).Result())(t)
	jobstest.Equal(t, "waiting", len(pending), 3)
	for i, id := range ids { // the queue takes from the end
		jobstest.Equal(t, "place", pending[2-i], id)
	}
	jobstest.Must(t, b.rdb.Del(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "paused")).Err())
	for _, id := range ids {
		b.await(t, id, enqueue.StateDone)
	}
	stop()
}
