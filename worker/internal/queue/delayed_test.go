package queue_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// skewed is a worker whose machine is wrong by d: the shared clock shows that much
// less.
func (b *bundle) skewed(d time.Duration) {
	b.params.Clock = func() time.Time { return time.Now().Add(-d) }
}

// What waits is dated by the clock that all workers share, whatever the machine's is:
// else a retry by a worker half a day ahead would be called half a day late.
func TestWhatWaitsIsDatedByTheSharedClock(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"ahead": 12 * time.Hour, "behind": -12 * time.Hour, "right": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
				return jobs.Snooze(time.Hour, "in an hour")
			}})
			b.skewed(skew)
			id := b.enqueue(t, redeem)
			before := b.params.Clock()
			stop := b.start(t)
			var due float64
			jobstest.Eventually(t, jobstest.Timeout, func() bool {
				var err error
				due, err = b.rdb.ZScore(t.Context(), key("retry"), id).Result()
				return err == nil
			})
			stop()
			in := time.Unix(int64(due), 0).Sub(before)
			if in < time.Hour-time.Second || in > time.Hour+jobstest.Timeout {
				t.Errorf("dated in %v by the shared clock, want in an hour", in)
			}
		})
	}
}

func TestWhatWaitsIsCalledByTheSharedClock(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"ahead": 12 * time.Hour, "behind": -12 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int64
			b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
				if tries.Add(1) == 1 {
					return jobs.Snooze(time.Second, "in a second")
				}
				return nil
			}})
			b.skewed(skew)
			later := b.raw(t, "redeem", "{}")
			jobstest.Must(t, b.rdb.LRem(t.Context(), key("pending"), 0, later).Err())
			jobstest.Must(t, b.rdb.HSet(t.Context(), key("t:"+later), "state", "retry").Err())
			jobstest.Must(t, b.rdb.ZAdd(t.Context(), key("retry"), redis.Z{
				Member: later, Score: float64(b.params.Clock().Add(time.Hour).Unix()),
			}).Err())
			id := b.enqueue(t, redeem)
			b.start(t)
			b.await(t, id, enqueue.StateDone)
			if n := b.rdb.ZCard(t.Context(), key("retry")).Val(); n != 1 {
				t.Errorf("%d jobs wait, want the one whose time has not come", n)
			}
		})
	}
}

// A worker that is ahead forgets nothing that another has just done, nor one that is
// right what another did that was behind.
func TestWhatIsDoneIsKeptByTheSharedClock(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{})
	b.skewed(12 * time.Hour)
	for id, ago := range map[string]time.Duration{"recent": time.Hour, "long ago": 25 * time.Hour} {
		jobstest.Must(t, b.rdb.ZAdd(t.Context(), key("completed"), redis.Z{
			Member: id, Score: float64(b.params.Clock().Add(-ago).Unix()),
		}).Err())
	}
	b.start(t)
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		left := b.rdb.ZRange(t.Context(), key("completed"), 0, -1).Val()
		return len(left) == 1 && left[0] == "recent"
	})
}
