package enqueue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestStatusOf(t *testing.T) {
	t.Parallel()
	const failed = "cloud_unavailable: the cloud answered 503"
	tests := []struct {
		name      string
		info      asynq.TaskInfo
		state     string
		attempts  int
		lastError fault.Code
	}{
		{"new", asynq.TaskInfo{State: asynq.TaskStatePending}, "pending", 0, ""},
		{"scheduled", asynq.TaskInfo{State: asynq.TaskStateScheduled}, "pending", 0, ""},
		{"first attempt", asynq.TaskInfo{State: asynq.TaskStateActive}, "active", 1, ""},
		{"second attempt", asynq.TaskInfo{State: asynq.TaskStateActive, Retried: 1, LastErr: failed}, "active", 2, ""},
		{"failed once", asynq.TaskInfo{State: asynq.TaskStateRetry, Retried: 1, LastErr: failed}, "retrying", 1, fault.CloudUnavailable},
		{"its time has come", asynq.TaskInfo{State: asynq.TaskStatePending, Retried: 1, LastErr: failed}, "retrying", 1, fault.CloudUnavailable},
		{"paused", asynq.TaskInfo{State: asynq.TaskStateRetry, LastErr: enqueue.WaitPrefix + "paused: sending is paused"}, "pending", 0, "paused"},
		{"snoozed", asynq.TaskInfo{State: asynq.TaskStateRetry, LastErr: enqueue.WaitPrefix + "the organization is being synced"}, "pending", 0, ""},
		{"done at once", asynq.TaskInfo{State: asynq.TaskStateCompleted, CompletedAt: noon}, "done", 1, ""},
		{"done in the end", asynq.TaskInfo{State: asynq.TaskStateCompleted, Retried: 2, LastErr: failed, CompletedAt: noon}, "done", 3, ""},
		{"dead at once", asynq.TaskInfo{State: asynq.TaskStateArchived, LastErr: failed}, "dead", 1, fault.CloudUnavailable},
		{"dead in the end", asynq.TaskInfo{State: asynq.TaskStateArchived, Retried: 29, LastErr: failed}, "dead", 30, fault.CloudUnavailable},
		{"dead by the spare try", asynq.TaskInfo{State: asynq.TaskStateArchived, Retried: 30, LastErr: failed}, "dead", 30, fault.CloudUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.info.MaxRetry = 30
			tt.info.Headers = map[string]string{"enqueued-at": "2026-11-22T12:00:00Z"}
			s := enqueue.StatusOf(&tt.info)
			if s.State != tt.state || s.Attempts != tt.attempts || !s.EnqueuedAt.Equal(noon) {
				t.Errorf("%+v, want %s after %d", s, tt.state, tt.attempts)
			}
			if (s.LastError == nil) != (tt.lastError == "") || (s.LastError != nil && s.LastError.Code != tt.lastError) {
				t.Errorf("last error %v, want %q", s.LastError, tt.lastError)
			}
			if (s.CompletedAt != nil) != (tt.state == "done") {
				t.Errorf("completed at %v", s.CompletedAt)
			}
		})
	}
}

func TestJobLooksInBothQueues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, found, err := b.inspector.Job(t.Context(), "nothing"); found || err != nil {
		t.Errorf("found %v, %v before there was any queue", found, err)
	}
	for _, args := range []jobs.Args{redeem("ann@example.com"), jobs.Sync{OrganizationID: org}} {
		receipt, err := b.client.Enqueue(t.Context(), args)
		if err != nil {
			t.Fatal(err)
		}
		s, found, err := b.inspector.Job(t.Context(), receipt.ID)
		if err != nil || !found || s.Kind != args.Kind() || !s.EnqueuedAt.Equal(noon) || s.State != enqueue.StatePending {
			t.Errorf("%s: %+v, %v, %v", args.Kind(), s, found, err)
		}
	}
}

func TestDeadListsAllPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := map[string]bool{}
	for i := range 230 {
		args, queue := jobs.Args(redeem("ann@example.com")), jobs.QueueIntake
		if i%3 == 0 {
			args, queue = jobs.Sync{OrganizationID: org}, jobs.QueueUrgent
		}
		receipt, err := b.client.Enqueue(t.Context(), args)
		if err != nil {
			t.Fatal(err)
		}
		b.archive(t, queue, receipt.ID)
		want[receipt.ID] = true
	}
	for s, err := range b.inspector.Dead(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if s.State != enqueue.StateDead || !want[s.ID] {
			t.Fatalf("unexpected %+v", s)
		}
		delete(want, s.ID)
	}
	if len(want) != 0 {
		t.Errorf("%d dead jobs were not listed", len(want))
	}
}

func TestRetryIsANewJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithID("old")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.inspector.Retry(t.Context(), "old"); !errors.Is(err, enqueue.ErrNotDead) {
		t.Errorf("retry of a living job: %v", err)
	}
	b.archive(t, jobs.QueueIntake, "old")
	id, err := b.inspector.Retry(t.Context(), "old")
	if err != nil || id == "old" {
		t.Fatalf("new id %q, %v", id, err)
	}
	info, err := b.asynq.GetTaskInfo(string(jobs.QueueIntake), id)
	if err != nil || info.Retried != 0 || info.State != asynq.TaskStatePending {
		t.Errorf("%+v, %v, want a job with all its attempts", info, err)
	}
	if args, err := jobs.Decode(jobs.KindRedeem, info.Payload); err != nil || args != redeem("ann@example.com") {
		t.Errorf("arguments %+v, %v", args, err)
	}
	if _, err := b.inspector.Retry(t.Context(), "old"); !errors.Is(err, enqueue.ErrNotFound) {
		t.Errorf("the old job is still there: %v", err)
	}
}

// A retry that was cut short between its two steps leaves both jobs.
func TestRetryCanBeRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []string
	for range 2 {
		if _, err := b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithID("old")); err != nil {
			t.Fatal(err)
		}
		b.archive(t, jobs.QueueIntake, "old")
		id, err := b.inspector.Retry(t.Context(), "old")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		jobstest.Must(t, b.rdb.Del(t.Context(), state.RecordKey(org, "old")).Err()) // which tells of the retry
	}
	if ids[0] != ids[1] || b.count(t, jobs.QueueIntake) != 1 {
		t.Errorf("ids %v, %d jobs, want one", ids, b.count(t, jobs.QueueIntake))
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithID("old")); err != nil {
		t.Fatal(err)
	}
	if err := b.inspector.Delete(t.Context(), "old"); !errors.Is(err, enqueue.ErrNotDead) {
		t.Errorf("delete of a living job: %v", err)
	}
	b.archive(t, jobs.QueueIntake, "old")
	if err := b.inspector.Delete(t.Context(), "old"); err != nil {
		t.Error(err)
	}
	if err := b.inspector.Delete(t.Context(), "old"); !errors.Is(err, enqueue.ErrNotFound) {
		t.Errorf("second delete: %v", err)
	}
}

func TestDepths(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := time.Now()
	for _, id := range []string{"a", "b", "c"} {
		if _, err := b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithID(id)); err != nil {
			t.Fatal(err)
		}
	}
	b.archive(t, jobs.QueueIntake, "a")
	depths, err := enqueue.Depths(t.Context(), b.rdb)
	if err != nil || len(depths) != len(jobs.Queues()) {
		t.Fatalf("%+v, %v", depths, err)
	}
	intake, cloud := depths[0], depths[2]
	if intake.Queue != jobs.QueueIntake || intake.Pending != 2 || intake.Archived != 1 || intake.PendingSince.Before(before) {
		t.Errorf("intake %+v", intake)
	}
	if cloud != (enqueue.Depth{Queue: jobs.QueueCloud}) {
		t.Errorf("cloud %+v, want nothing", cloud)
	}
}
