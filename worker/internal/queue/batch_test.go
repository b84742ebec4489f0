package queue_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

// tasks are the ids of what waits in the queue, the next one first.
func (l *line) tasks(t *testing.T) []string {
	t.Helper()
	ids := jobstest.Value(l.rdb.LRange(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "pending"), 0, -1).Result())(t)
	slices.Reverse(ids)
	return ids
}

func TestABatchIsOneTaskAndEachOfItsJobsEnds(t *testing.T) {
	t.Parallel()
	l := newLine(t, inBatches, 450, slowly)
	tasks := l.tasks(t)
	if len(tasks) != 3 {
		t.Fatalf("%d tasks for 450 jobs, want 3", len(tasks))
	}
	l.start(t)
	for _, id := range l.ids {
		l.await(t, id, enqueue.StateDone)
	}
	for _, id := range tasks {
		jobstest.Eventually(t, jobstest.Timeout, func() bool {
			return jobstest.Value(l.foreign.GetTaskInfo(string(jobs.QueueIntake), id))(t).State == asynq.TaskStateCompleted
		})
	}
	if len(l.runs) != len(l.ids) {
		t.Errorf("%d runs of %d jobs", len(l.runs), len(l.ids))
	}
	done := 0
	for _, line := range l.seen.all() {
		if line == "redeem done" {
			done++
		}
	}
	if done != len(l.ids) {
		t.Errorf("%d jobs were observed as done, want each of %d", done, len(l.ids))
	}
}

func TestABatchWaitsWhileTheQueueIsPaused(t *testing.T) {
	t.Parallel()
	l := newLine(t, inBatches, 20, succeed)
	jobstest.Must(t, l.foreign.PauseQueue(string(jobs.QueueIntake)))
	l.start(t)
	alone := l.enqueue(t, redeem)
	if s := l.await(t, l.ids[7], enqueue.StatePending); s.Kind != jobs.KindRedeem || s.User != rider(7) {
		t.Errorf("%+v", s)
	}
	jobstest.Must(t, l.foreign.UnpauseQueue(string(jobs.QueueIntake)))
	l.await(t, alone, enqueue.StateDone)
	l.await(t, l.ids[7], enqueue.StateDone)
}

// It may be one of its jobs that killed the worker.
func TestABatchThatComesBackIsTakenApartUnseen(t *testing.T) {
	t.Parallel()
	l := newLine(t, inBatches, 5, succeed)
	info := jobstest.Value(l.foreign.GetTaskInfo(string(jobs.QueueIntake), l.tasks(t)[0]))(t)
	server := jobstest.Value(queue.NewServer(l.params))(t)
	outcome, err := queue.RunBatch(t.Context(), server, info.Payload, 2)
	if err != nil || outcome != queue.OutcomeDone || len(l.runs) != 0 {
		t.Errorf("%s, %v, after %d runs", outcome, err, len(l.runs))
	}
	if got := l.tasks(t)[1:]; !slices.Equal(got, l.ids) {
		t.Errorf("in the queue are %v, want the jobs %v", got, l.ids)
	}
	l.start(t)
	for _, id := range l.ids {
		l.await(t, id, enqueue.StateDone)
	}
}

// A worker that ends lets the whole batch run again elsewhere.
func TestABatchThatIsCutOffLosesNothing(t *testing.T) {
	t.Parallel()
	l := newLine(t, inBatches, 200, func(ctx context.Context, _ jobs.Job[jobs.Redeem]) error {
		<-ctx.Done()
		return ctx.Err()
	})
	l.params.ShutdownTimeout = 400 * time.Millisecond
	batch := l.tasks(t)[0]
	stop := l.run(t)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return l.together.Load() == 200 })
	if err := stop(); !errors.Is(err, queue.ErrCutShort) {
		t.Errorf("the drain ended with %v", err)
	}
	info := jobstest.Value(l.foreign.GetTaskInfo(string(jobs.QueueIntake), batch))(t)
	if info.Retried != 0 || info.State != asynq.TaskStateRetry && info.State != asynq.TaskStatePending {
		t.Errorf("the batch is %+v", info)
	}
	for _, id := range l.ids {
		l.await(t, id, enqueue.StatePending)
	}
}

// away refuses what would put jobs into a queue.
type away struct{}

func (away) DialHook(next redis.DialHook) redis.DialHook { return next }

func (away) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		cmd.SetErr(net.ErrClosed)
		return cmd.Err()
	}
}

func (away) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			cmd.SetErr(net.ErrClosed)
		}
		return net.ErrClosed
	}
}

func TestABatchThatCannotBeTakenApartWaits(t *testing.T) {
	t.Parallel()
	l := newLine(t, inBatches, 5, func(context.Context, jobs.Job[jobs.Redeem]) error { return errors.New("Redis was away") })
	info := jobstest.Value(l.foreign.GetTaskInfo(string(jobs.QueueIntake), l.tasks(t)[0]))(t)
	rdb := redis.NewClient(&redis.Options{Addr: l.rdb.(*redis.Client).Options().Addr, MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	rdb.AddHook(away{})
	l.params.Redis = rdb
	server := jobstest.Value(queue.NewServer(l.params))(t)
	policy, _ := jobs.KindBatch.Policy()
	if outcome, err := queue.RunBatch(t.Context(), server, info.Payload, policy.MaxAttempts+1); outcome != queue.OutcomeSnoozed {
		t.Errorf("%s, %v: its jobs would be lost", outcome, err)
	}
}

func TestABatchThatNobodyCanReadIsDead(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{})
	id := b.raw(t, string(jobs.KindBatch), `{"items":[`)
	b.start(t)
	if s := b.await(t, id, enqueue.StateDead); s.LastError == nil {
		t.Errorf("%+v", s)
	}
}

// An item that is no job of intake goes to whoever runs such.
func TestAnItemOfAnotherQueueGoesThere(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{})
	b.raw(t, string(jobs.KindBatch), `{"items":[{"id":"sync","kind":"sync","args":{"organizationId":"`+string(org)+`"}}]}`)
	b.start(t)
	b.await(t, "sync", enqueue.StatePending)
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		return b.rdb.LLen(t.Context(), enqueue.QueueKey(jobs.QueueUrgent, "pending")).Val() == 1
	})
}

// What is carried out together is not handled once more; what that leaves, or a handler of
// many that breaks, is.
func TestWhatEndsTogetherIsNotHandledAlone(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]func([]jobs.Job[jobs.Redeem]) []bool{
		"half of them": func(all []jobs.Job[jobs.Redeem]) []bool {
			ended := make([]bool, len(all))
			for n := range all {
				ended[n] = n%2 == 0
			}
			return ended
		},
		"none: it panics": func([]jobs.Job[jobs.Redeem]) []bool { panic("a mistake") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, inBatches, 10, succeed)
			want := 10
			if name == "half of them" {
				want = 5
			}
			queue.HandleTogether(l.params.Registry, func(_ context.Context, all []jobs.Job[jobs.Redeem]) []bool { return handle(all) })
			l.start(t)
			for _, id := range l.ids {
				l.await(t, id, enqueue.StateDone)
			}
			if len(l.runs) != want {
				t.Errorf("%d ran alone, want %d", len(l.runs), want)
			}
			jobstest.Eventually(t, jobstest.Timeout, func() bool { return len(l.seen.all()) >= 10 })
		})
	}
}
