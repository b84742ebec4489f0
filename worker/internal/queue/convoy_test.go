package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const convoySize = 50

// line is a queue in which jobs wait, and how a handler was called with them.
type line struct {
	bundle
	foreign   *asynq.Inspector // as anybody may look, and meddle
	ids       []string
	runs      chan string // one for each call of a handler, with the member
	together  atomic.Int64
	mostAtOne atomic.Int64
}

// newLine lets n jobs wait, which end as outcome says. Few handlers run beside a convoy.
func newLine(t *testing.T, way way, n int, outcome func(context.Context, jobs.Job[jobs.Redeem]) error) *line {
	t.Helper()
	l := &line{runs: make(chan string, 10*n)}
	l.bundle = setup(t, handlers{redeem: func(ctx context.Context, job jobs.Job[jobs.Redeem]) error {
		now := l.together.Add(1)
		defer l.together.Add(-1)
		for most := l.mostAtOne.Load(); now > most && !l.mostAtOne.CompareAndSwap(most, now); most = l.mostAtOne.Load() {
		}
		l.runs <- string(job.Args.OrganizationUserID)
		return outcome(ctx, job)
	}})
	l.foreign = asynq.NewInspectorFromRedisClient(l.rdb)
	l.params.Concurrency, l.params.Convoy = 2, convoySize
	batch := make([]jobs.Args, n)
	for i := range batch {
		batch[i] = jobs.Redeem{OrganizationID: org, OrganizationUserID: rider(i), SponsoredEmail: "ann@example.com"}
	}
	way(l, t, batch)
	return l
}

// way is how jobs come into the queue.
type way func(*line, *testing.T, []jobs.Args)

// ways are those that end alike.
var ways = map[string]way{"alone": alone, "in batches": inBatches}

func alone(l *line, t *testing.T, all []jobs.Args) {
	t.Helper()
	for _, args := range all {
		l.ids = append(l.ids, l.enqueue(t, args))
	}
}

func inBatches(l *line, t *testing.T, all []jobs.Args) {
	t.Helper()
	for _, receipt := range jobstest.Value(l.client.EnqueueAll(t.Context(), all))(t) {
		l.ids = append(l.ids, receipt.ID)
	}
}

func rider(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n))
}

func (l *line) allDone(t *testing.T) {
	t.Helper()
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		info, err := l.foreign.GetQueueInfo(string(jobs.QueueIntake))
		return err == nil && info.Completed == len(l.ids)
	})
}

func succeed(context.Context, jobs.Job[jobs.Redeem]) error { return nil }

// slowly keeps handlers long enough for others to come beside them.
func slowly(ctx context.Context, _ jobs.Job[jobs.Redeem]) error {
	return jobs.Sleep(ctx, 20*time.Millisecond)
}

// What ran in a convoy looks to a foreign client as if asynq had run it.
func TestAConvoyEndsItsJobsAsAsynqDoes(t *testing.T) {
	t.Parallel()
	l := newLine(t, alone, 300, slowly)
	began := time.Now().Truncate(time.Second)
	l.start(t)
	l.allDone(t)
	if l.mostAtOne.Load() < convoySize/2 {
		t.Errorf("at most %d jobs ran at once: there was no convoy", l.mostAtOne.Load())
	}
	if len(l.runs) != len(l.ids) {
		t.Errorf("%d runs of %d jobs", len(l.runs), len(l.ids))
	}
	for _, id := range l.ids {
		info := jobstest.Value(l.foreign.GetTaskInfo(string(jobs.QueueIntake), id))(t)
		if info.State != asynq.TaskStateCompleted || info.CompletedAt.Before(began) || info.Retried != 0 || info.Retention != 24*time.Hour || info.Type != "redeem" {
			t.Fatalf("job %s: %+v", id, info)
		}
	}
	info := jobstest.Value(l.foreign.GetQueueInfo(string(jobs.QueueIntake)))(t)
	if info.Processed != len(l.ids) || info.ProcessedTotal != len(l.ids) || info.Failed != 0 || info.Active != 0 || info.Size != len(l.ids) {
		t.Errorf("the queue tells %+v", info)
	}
	if left := l.rdb.ZCard(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "lease")).Val(); left != 0 {
		t.Errorf("%d leases are left", left)
	}
	if got := l.seen.all(); len(got) != len(l.ids) || slices.ContainsFunc(got, func(s string) bool { return s != "redeem done" }) {
		t.Errorf("%d outcomes were observed: %v", len(got), got)
	}
}

// A failure is one job's alone, and costs it the attempts that it would have had.
func TestWhatFailsAmongOthersIsTriedByItself(t *testing.T) {
	t.Parallel()
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failAmongOthers(t, way)
		})
	}
}

func failAmongOthers(t *testing.T, way way) {
	var attempts atomic.Int64
	l := newLine(t, way, 100, func(ctx context.Context, job jobs.Job[jobs.Redeem]) error {
		switch job.Args.OrganizationUserID {
		case rider(10):
			if job.Attempt < 3 {
				return errors.New("Redis was away for a moment")
			}
			attempts.Store(int64(job.Attempt))
		case rider(20):
			return jobs.Permanent(errors.New("this cannot work"))
		case rider(30):
			return jobs.Refused(fault.New(fault.AlreadySponsoring, "taken"))
		case rider(40):
			if job.Attempt == 1 {
				panic("a handler's mistake")
			}
		}
		return slowly(ctx, job)
	})
	l.start(t)
	for i, id := range l.ids {
		want := enqueue.StateDone // also of the refused one, whose handler has written nothing down
		if i == 20 {
			want = enqueue.StateDead
		}
		l.await(t, id, want)
	}
	if s := l.await(t, l.ids[10], enqueue.StateDone); attempts.Load() != 3 || s.Attempts != 3 {
		t.Errorf("the third attempt is the %d., and the job tells of %d", attempts.Load(), s.Attempts)
	}
}

// Nothing is taken from a queue that a foreign client has paused.
func TestNoConvoyLeavesAPausedQueue(t *testing.T) {
	t.Parallel()
	l := newLine(t, alone, 1000, slowly)
	l.start(t)
	for range 100 {
		<-l.runs
	}
	jobstest.Must(t, l.foreign.PauseQueue(string(jobs.QueueIntake)))
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return l.together.Load() == 0 && l.active(t) == 0 })
	waiting := jobstest.Value(l.foreign.GetQueueInfo(string(jobs.QueueIntake)))(t).Pending
	if waiting == 0 {
		t.Fatal("nothing waits: the test tests nothing")
	}
	jobstest.Must(t, l.foreign.ArchiveTask(string(jobs.QueueIntake), l.ids[999]))
	jobstest.Must(t, l.foreign.DeleteTask(string(jobs.QueueIntake), l.ids[998]))
	jobstest.Must(t, l.foreign.UnpauseQueue(string(jobs.QueueIntake)))
	l.await(t, l.ids[997], enqueue.StateDone)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return len(l.runs) == 898 })
}

func (l *line) active(t *testing.T) int {
	t.Helper()
	return jobstest.Value(l.foreign.GetQueueInfo(string(jobs.QueueIntake)))(t).Active
}

// What asynq must see to itself: a lock that it has to give back, a deadline, an end that nobody
// may look up, another kind, a message that nobody can read.
func TestAConvoyLeavesWhatNeedsAsynq(t *testing.T) {
	t.Parallel()
	l := newLine(t, alone, 100, succeed)
	payload := string(jobstest.Value(jobs.Encode(redeem))(t))
	unique := l.raw(t, "redeem", payload, asynq.Unique(time.Hour))
	dated := l.raw(t, "redeem", payload, asynq.Deadline(time.Now().Add(time.Hour)))
	brief := l.raw(t, "redeem", payload, asynq.Retention(0))
	tick := l.enqueue(t, jobs.Sync{OrganizationID: org}) // of another queue
	sweep := l.raw(t, "sweep", `{"tick":1}`)
	odd := l.raw(t, "nonsense", `{}`)
	l.start(t)
	for _, id := range append([]string{unique, dated, sweep}, l.ids...) {
		l.await(t, id, enqueue.StateDone)
	}
	l.await(t, odd, enqueue.StateDead)
	l.await(t, tick, enqueue.StatePending)
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		_, known, err := l.inspector.Job(t.Context(), brief)
		return err == nil && !known
	})
	l.raw(t, "redeem", payload, asynq.Unique(time.Hour)) // its lock is free
}

// A worker that ends waits for its convoy, and what it has to cut off loses nothing.
func TestAConvoyDrains(t *testing.T) {
	t.Parallel()
	l := newLine(t, alone, 500, func(ctx context.Context, _ jobs.Job[jobs.Redeem]) error {
		<-ctx.Done()
		return ctx.Err()
	})
	l.params.ShutdownTimeout = 400 * time.Millisecond
	stop := l.run(t)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return l.together.Load() >= convoySize })
	_ = stop()
	info := jobstest.Value(l.foreign.GetQueueInfo(string(jobs.QueueIntake)))(t)
	if info.Active != 0 || info.Pending+info.Retry != len(l.ids) {
		t.Errorf("after the end the queue tells %+v", info)
	}
	for _, id := range l.ids {
		if task := jobstest.Value(l.foreign.GetTaskInfo(string(jobs.QueueIntake), id))(t); task.Retried != 0 {
			t.Fatalf("job %s has lost an attempt", id)
		}
	}
}
