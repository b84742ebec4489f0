package workertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// patience is how long a job may wait in place for one of its member that is before it in
// the queue; a handler waits longer, and to no other end.
const patience = 50 * time.Millisecond

// Waiting lists the jobs that have not ended, those of a queue oldest first.
func (s *Site) Waiting() (all []*asynq.TaskInfo) {
	s.t.Helper()
	inspector := asynq.NewInspectorFromRedisClient(s.Redis)
	for _, q := range jobs.Queues() {
		for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){inspector.ListPendingTasks, inspector.ListRetryTasks} {
			found, err := list(string(q), asynq.PageSize(1000))
			if !errors.Is(err, asynq.ErrQueueNotFound) {
				jobstest.Must(s.t, err)
			}
			all = append(all, found...)
		}
	}
	return all
}

// Work lets the worker take one job that waits, any of them but mostly an old one, and
// reports whether there was one. The error is of a job that died.
func (w *Worker) Work(ctx context.Context, random *rand.Rand) (bool, error) {
	waiting := w.site.Waiting()
	if len(waiting) == 0 {
		return false, nil
	}
	n := min(random.IntN(len(waiting)), random.IntN(len(waiting)))
	if follows(waiting[n], waiting[:n]) {
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = bounded
	}
	return true, w.deliver(ctx, waiting[n])
}

// follows: one of the earlier jobs is about the same sponsorship.
func follows(task *asynq.TaskInfo, earlier []*asynq.TaskInfo) bool {
	key := sponsorshipOf(task)
	return key != "" && slices.ContainsFunc(earlier, func(other *asynq.TaskInfo) bool { return sponsorshipOf(other) == key })
}

func sponsorshipOf(task *asynq.TaskInfo) sponsorship.ID {
	args, err := jobs.Decode(jobs.Kind(task.Type), task.Payload)
	if ordered, is := args.(jobs.Ordered); is && err == nil {
		return ordered.SponsorshipID()
	}
	return ""
}

// HangUp is Work where the worker is killed once the cloud has begun to carry out its
// request, with which the cloud goes on later.
func (w *Worker) HangUp(ctx context.Context, random *rand.Rand) (bool, error) {
	var first atomic.Int64
	gate := w.site.Cloud.Hold(cloudtest.Loaded, func(r cloudtest.Request) bool {
		return len(r.Rows) > 0 && (first.CompareAndSwap(0, int64(r.Seq)) || first.Load() == int64(r.Seq))
	})
	alive, kill := context.WithCancel(ctx)
	defer kill()
	reached, stop := context.WithCancel(ctx)
	var did bool
	var err error
	go func() {
		defer stop()
		did, err = w.Work(alive, random)
	}()
	if _, idle := gate.Wait(reached); idle != nil { // nothing has left
		gate.Release()
		return did, err
	}
	w.site.stall(gate)
	w.Crash.After(0)
	kill()
	<-reached.Done()
	w.Crash.Disarm()
	return did, nil
}

// deliver runs a job once. One that fails, or that another must go before, waits on.
func (w *Worker) deliver(ctx context.Context, task *asynq.TaskInfo) error {
	w.beat()
	args, err := jobs.Decode(jobs.Kind(task.Type), task.Payload)
	if err != nil {
		return err
	}
	if enqueue.HasOrigin(task.Headers) {
		who, err := w.records.Origin(ctx, args.Organization(), task.ID)
		if err != nil {
			return nil
		}
		ctx = origin.With(ctx, who)
	}
	err = w.handle(ctx, task.ID, args)
	switch {
	case jobs.IsPermanent(err) && !w.Crash.Armed():
		return errors.Join(fmt.Errorf("job %s of kind %s died: %w", task.ID, task.Type, err), w.site.ended(task))
	case w.Crash.Armed() || err != nil && !jobs.IsRefused(err):
		return nil
	}
	return w.site.ended(task)
}

// handle gives the job to its handler.
func (w *Worker) handle(ctx context.Context, id string, args jobs.Args) error {
	switch a := args.(type) {
	case jobs.Redeem:
		return w.intake.Redeem(ctx, jobs.Job[jobs.Redeem]{ID: id, Args: a})
	case jobs.Adopt:
		return w.intake.Adopt(ctx, jobs.Job[jobs.Adopt]{ID: id, Args: a})
	case jobs.ChangeSponsorship:
		return w.intake.ChangeSponsorship(ctx, jobs.Job[jobs.ChangeSponsorship]{ID: id, Args: a})
	case jobs.Sync:
		return w.syncs.SyncManual(ctx, jobs.Job[jobs.Sync]{ID: id, Args: a})
	case jobs.SyncScheduled:
		return w.syncs.SyncScheduled(ctx, jobs.Job[jobs.SyncScheduled]{ID: id, Args: a})
	case jobs.SyncPending:
		return w.syncs.SyncPending(ctx, jobs.Job[jobs.SyncPending]{ID: id, Args: a})
	case jobs.SyncLeft:
		return w.syncs.SyncLeft(ctx, jobs.Job[jobs.SyncLeft]{ID: id, Args: a})
	}
	return fmt.Errorf("no handler for a %s job", args.Kind())
}

// ended tells the queue that a job has ended.
func (s *Site) ended(task *asynq.TaskInfo) error {
	policy, _ := jobs.Kind(task.Type).Policy()
	q := jobs.Queue(task.Queue)
	if policy.Retention == 0 {
		return asynq.NewInspectorFromRedisClient(s.Redis).DeleteTask(task.Queue, task.ID)
	}
	ctx := s.t.Context()
	pipe := s.Redis.Pipeline()
	pipe.LRem(ctx, enqueue.QueueKey(q, "pending"), 0, task.ID)
	pipe.ZRem(ctx, enqueue.QueueKey(q, "retry"), task.ID)
	pipe.HSet(ctx, enqueue.QueueKey(q, "t:"+task.ID), "state", "completed")
	pipe.ZAdd(ctx, enqueue.QueueKey(q, "completed"), redis.Z{Member: task.ID, Score: 9e9})
	_, err := pipe.Exec(ctx)
	return err
}

// Kinds counts the jobs that wait, by kind.
func (s *Site) Kinds() (kinds []string) {
	for _, task := range s.Waiting() {
		kinds = append(kinds, task.Type)
	}
	slices.Sort(kinds)
	return kinds
}
