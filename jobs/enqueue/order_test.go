package enqueue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func (b bundle) line(t *testing.T) []string {
	t.Helper()
	return jobstest.Value(record.New(b.rdb).Line(t.Context(), org, member, 100))(t)
}

func TestJobsOfOneSponsorshipGetTheirPlacesInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	revoke := jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: member, Revoke: true}
	jobstest.Value(b.client.EnqueueAll(t.Context(), []jobs.Args{redeem("ann@example.com"), jobs.Sync{OrganizationID: org}, revoke}))(t)
	jobstest.Value(b.client.Enqueue(t.Context(), redeem("bob@example.com")))(t)
	if got := b.line(t); !slices.Equal(got, []string{"id-1", "id-3", "id-4"}) {
		t.Errorf("the order is %v", got)
	}
	if got := b.batches(t); len(got) != 2 || !slices.Equal(got[0], []string{"id-1", "id-3"}) || !slices.Equal(got[1], []string{"id-4"}) {
		t.Errorf("the queue holds %v", got)
	}
}

func TestARepeatedRequestKeepsItsPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 {
		jobstest.Value(b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithIdempotency(enqueue.Idempotency{Key: "a"})))(t)
		jobstest.Value(b.client.Enqueue(t.Context(), redeem("bob@example.com"), enqueue.WithIdempotency(enqueue.Idempotency{Key: "b"})))(t)
	}
	if got := b.line(t); len(got) != 2 {
		t.Errorf("the order is %v, want each once", got)
	}
}

// A hook delivers once more what died, was run again by a person, and has been
// followed by another wish since.
func TestARepeatedRequestDoesNotRunWhatRanAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	once := enqueue.WithIdempotency(enqueue.Idempotency{Key: "order-4711"})
	first := jobstest.Value(b.client.Enqueue(t.Context(), redeem("ann@example.com"), once))(t)
	b.archive(t, jobs.QueueIntake, first.ID)
	again := jobstest.Value(b.inspector.Retry(t.Context(), first.ID))(t)
	later := jobstest.Value(b.client.Enqueue(t.Context(), redeem("bob@example.com")))(t)
	repeat := jobstest.Value(b.client.Enqueue(t.Context(), redeem("ann@example.com"), once))(t)
	if !repeat.Duplicate || repeat.ID != first.ID {
		t.Errorf("%+v, want the first one's answer", repeat)
	}
	if got := b.line(t); !slices.Equal(got, []string{again, later.ID}) {
		t.Errorf("the order is %v, want %v", got, []string{again, later.ID})
	}
	if n := b.count(t, jobs.QueueIntake); n != 2 {
		t.Errorf("%d jobs are ready, want 2", n)
	}
}

// putOffBy leaves jobs of the member in the queue, to be tried again in an hour, as a
// worker does whose handler returns an error.
func (b bundle) putOffBy(t *testing.T, handle asynq.HandlerFunc, ids ...string) {
	t.Helper()
	server := asynq.NewServerFromRedisClient(b.rdb, asynq.Config{
		Concurrency: 1, Queues: map[string]int{string(jobs.QueueIntake): 1}, TaskCheckInterval: 5 * time.Millisecond,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour },
		IsFailure:      func(error) bool { return false }, LogLevel: asynq.FatalLevel, Logger: silentLog{},
	})
	jobstest.Must(t, server.Start(handle))
	defer server.Shutdown()
	for _, id := range ids {
		jobstest.Value(b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithID(id)))(t)
	}
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		depths := jobstest.Value(enqueue.Depths(t.Context(), b.rdb))(t)
		return int(depths[0].Retry) == len(ids)
	})
}

func TestWhoseTurnHasComeIsCalledAndSomeBehindIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.putOffBy(t, othersFirst, "one", "two")
	system := enqueue.NewSystem(b.client)
	first := record.Blocker{ID: "one", Organization: org, User: member}
	ahead := jobstest.Value(system.Ahead(t.Context(), first))(t)
	if ahead.Gone || ahead.Next.IsZero() {
		t.Errorf("%+v, want one that waits for its time", ahead)
	}
	jobstest.Must(t, system.Hurry(t.Context(), first))
	if n := b.count(t, jobs.QueueIntake); n != 2 {
		t.Errorf("%d jobs are ready, want both", n)
	}
}

// A wait that a failure or a pause has asked for is kept.
func TestWhoWaitsAfterAFailureIsNotCalled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.putOffBy(t, func(context.Context, *asynq.Task) error { return errors.New("Redis was away") }, "one")
	jobstest.Must(t, enqueue.NewSystem(b.client).Hurry(t.Context(), record.Blocker{ID: "one", Organization: org, User: member}))
	if n := b.count(t, jobs.QueueIntake); n != 0 {
		t.Errorf("%d jobs are ready, want it to keep to its time", n)
	}
}

func TestAJobThatTheQueueLostIsGoneAfterAWhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Value(b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithID("one")))(t)
	jobstest.Must(t, b.rdb.Del(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "t:one")).Err())
	system := enqueue.NewSystem(b.client)
	first := record.Blocker{ID: "one", Organization: org, User: member}
	if ahead := jobstest.Value(system.Ahead(t.Context(), first))(t); ahead.Gone {
		t.Error("it is gone although it may still be about to be put in")
	}
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.RecordKey(org, "one"), "enqueuedAt", 1).Err())
	if ahead := jobstest.Value(system.Ahead(t.Context(), first))(t); !ahead.Gone {
		t.Error("it holds the others up forever")
	}
}
