package enqueue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
)

func TestWakeJoinsItsGeneration(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, generation := range []string{"4", "4", "5"} {
		if err := enqueue.NewSystem(b.client).Wake(t.Context(), org, generation); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.count(t, jobs.QueueCloud); n != 2 {
		t.Errorf("%d syncs, want one a generation", n)
	}
	status, found, err := b.inspector.Job(t.Context(), fmt.Sprintf("sync-pending:%s:4", org))
	if err != nil || !found || status.Kind != jobs.KindSyncPending {
		t.Errorf("%+v, %v, %v", status, found, err)
	}
}

// A dead job keeps its id; it must not keep the organization asleep.
func TestWakeReplacesADeadOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := fmt.Sprintf("sync-pending:%s:4", org)
	if err := enqueue.NewSystem(b.client).Wake(t.Context(), org, "4"); err != nil {
		t.Fatal(err)
	}
	b.archive(t, jobs.QueueCloud, id)
	if err := enqueue.NewSystem(b.client).Wake(t.Context(), org, "4"); err != nil {
		t.Fatal(err)
	}
	if status, _, err := b.inspector.Job(t.Context(), id); err != nil || status.State != "pending" {
		t.Errorf("%+v, %v, want it pending", status, err)
	}
}

func TestScheduledIsOnceADate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, date := range []time.Time{noon, noon, noon.Add(time.Millisecond)} {
		if err := enqueue.NewSystem(b.client).Scheduled(t.Context(), org, date); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.count(t, jobs.QueueCloud); n != 2 {
		t.Errorf("%d syncs, want one a date", n)
	}
}

func TestSweepIsOnceATick(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tick := range []int64{1, 1, 2} {
		if err := enqueue.NewSystem(b.client).Sweep(t.Context(), tick); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.count(t, jobs.QueueIntake); n != 2 {
		t.Errorf("%d sweeps, want one a tick", n)
	}
	info, err := b.asynq.GetTaskInfo(string(jobs.QueueIntake), "sweep:1")
	if err != nil || info.Retention < time.Minute {
		t.Errorf("%+v, %v: a sweep that ran must keep its tick", info, err)
	}
}
