package jobstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
)

// RequireEvent returns the first event in the stream that match accepts, and
// waits for it if need be. A nil match accepts any event of the kind. It fails
// the test, naming the events it saw, when none comes.
func RequireEvent[T events.Data](t testing.TB, js jetstream.JetStream, match func(events.Event[T]) bool) events.Event[T] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Timeout)
	defer cancel()
	var found *events.Event[T]
	var seen []string
	err := events.Watch(ctx, js, events.WatchOptions{Since: time.Unix(0, 0)}, func(r events.Record) error {
		seen = append(seen, r.Event.ID+" "+r.Event.Type)
		if e, err := events.Decode[T](r.Payload); err == nil && (match == nil || match(e)) {
			found = &e
			return errFound
		}
		return nil
	})
	if found == nil {
		t.Fatalf("no such event within %v (error: %v); saw:\n%s", Timeout, err, strings.Join(seen, "\n"))
	}
	return *found
}

var errFound = errors.New("found")

// RequireEnqueued returns the arguments of the first job of A's kind that match
// accepts, whatever state it is in: waiting, running, retrying, done and kept, or
// dead. It waits for it if need be. A nil match accepts any.
func RequireEnqueued[A jobs.Args](t testing.TB, redis redis.UniversalClient, match func(A) bool) A {
	t.Helper()
	var found A
	var seen []string
	ok := poll(Timeout, func() (ok bool) {
		found, seen, ok = findTask(redis, match)
		return ok
	})
	if !ok {
		t.Fatalf("no such job of kind %q within %v; saw:\n%s", found.Kind(), Timeout, strings.Join(seen, "\n"))
	}
	return found
}

func findTask[A jobs.Args](redis redis.UniversalClient, match func(A) bool) (args A, seen []string, ok bool) {
	for _, task := range Tasks(redis) {
		seen = append(seen, fmt.Sprintf("%s %s (%v)", task.ID, task.Type, task.State))
		var a A
		if task.Type != string(a.Kind()) || json.Unmarshal(task.Payload, &a) != nil {
			continue
		}
		if match == nil || match(a) {
			return a, seen, true
		}
	}
	return args, seen, false
}

// Tasks lists the jobs in all queues, whatever state they are in: those of a batch each as if
// the queue held it by itself. Errors read as nothing: the caller looks again, and a queue
// that does not exist yet is the usual cause.
func Tasks(redis redis.UniversalClient) []*asynq.TaskInfo {
	type list func(queue string, opts ...asynq.ListOption) ([]*asynq.TaskInfo, error)
	inspector := asynq.NewInspectorFromRedisClient(redis)
	queues, _ := inspector.Queues()
	var all []*asynq.TaskInfo
	for _, queue := range queues {
		for _, of := range []list{
			inspector.ListPendingTasks, inspector.ListActiveTasks, inspector.ListScheduledTasks,
			inspector.ListRetryTasks, inspector.ListCompletedTasks, inspector.ListArchivedTasks,
		} {
			found, _ := of(queue, asynq.PageSize(1000))
			for _, task := range found {
				all = append(all, each(task)...)
			}
		}
	}
	return all
}

// each returns the task, or the jobs of a batch.
func each(task *asynq.TaskInfo) []*asynq.TaskInfo {
	batch, err := jobs.DecodeBatch(task.Payload)
	if task.Type != string(jobs.KindBatch) || err != nil {
		return []*asynq.TaskInfo{task}
	}
	all := make([]*asynq.TaskInfo, len(batch.Items))
	for n, item := range batch.Items {
		alone := *task
		alone.ID, alone.Type, alone.Payload = item.ID, string(item.Kind), item.Args
		all[n] = &alone
	}
	return all
}
