package queue_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// TestADamagedJobIsDeadAndHoldsNobodyUp: two jobs were running when their worker
// was killed, and the message of one cannot be read any more.
func TestADamagedJobIsDeadAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{})
	ctx := t.Context()
	orphan, damaged := b.enqueue(t, redeem), b.enqueue(t, redeem)
	for _, id := range []string{orphan, damaged} {
		b.rdb.HSet(ctx, "asynq:{intake}:t:"+id, "state", "active")
		b.rdb.RPopLPush(ctx, "asynq:{intake}:pending", "asynq:{intake}:active")
		b.rdb.ZAdd(ctx, "asynq:{intake}:lease", redis.Z{Member: id, Score: float64(time.Now().Add(-time.Minute).Unix())})
	}
	b.rdb.HSet(ctx, "asynq:{intake}:t:"+damaged, "msg", "\xff\xff")

	b.start(t)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { // nobody can look it up before
		_, found, err := b.inspector.Job(ctx, damaged)
		return err == nil && found
	})
	if s := b.await(t, damaged, enqueue.StateDead); s.LastError.Code != fault.InvalidArguments {
		t.Errorf("the damaged job: %+v", s.LastError)
	}
	b.await(t, orphan, enqueue.StateDone)
	kept := b.rdb.HGet(ctx, "sponsorsync:{intake}:damaged:"+damaged, "msg").Val()
	if kept != "\xff\xff" {
		t.Errorf("what is left of it: %q", kept)
	}
	if n := b.rdb.LLen(ctx, "asynq:{intake}:active").Val(); n != 0 {
		t.Errorf("%d jobs of queue %s still count as running", n, jobs.QueueIntake)
	}
}
