package enqueue_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

func TestWakeJoinsItsGeneration(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, generation := range []string{"4", "4", "5"} {
		if err := enqueue.NewSystem(b.client).Wake(t.Context(), org, generation); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.count(t, jobs.QueueUrgent); n != 2 {
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
	b.archive(t, jobs.QueueUrgent, id)
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
	var news []bool
	for _, date := range []time.Time{noon, noon, noon.Add(time.Millisecond)} {
		added, err := enqueue.NewSystem(b.client).Scheduled(t.Context(), org, date)
		if err != nil {
			t.Fatal(err)
		}
		news = append(news, added)
	}
	if !slices.Equal(news, []bool{true, false, true}) {
		t.Errorf("told as new: %v", news)
	}
	if n := b.count(t, jobs.QueueCloud); n != 2 {
		t.Errorf("%d syncs, want one a date", n)
	}
}

// A wake-up that sleeps, because an attempt failed, runs at once when its cause is
// mended; nothing is added.
func TestWakeNowRunsWhatSleeps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	system := enqueue.NewSystem(b.client)
	jobstest.Must(t, system.Wake(t.Context(), org, "4"))
	id := fmt.Sprintf("sync-pending:%s:4", org)
	b.putOff(t, jobs.QueueUrgent, id)
	jobstest.Must(t, system.Wake(t.Context(), org, "4"))
	if info, err := b.asynq.GetTaskInfo(string(jobs.QueueUrgent), id); err != nil || info.State != asynq.TaskStateRetry {
		t.Fatalf("%+v, %v, want it asleep", info, err)
	}
	for range 2 { // the second time there is nothing to wake
		jobstest.Must(t, system.WakeNow(t.Context(), org, "4"))
		if info, err := b.asynq.GetTaskInfo(string(jobs.QueueUrgent), id); err != nil || info.State != asynq.TaskStatePending {
			t.Errorf("%+v, %v, want it pending", info, err)
		}
	}
	if n, err := system.Waiting(t.Context(), jobs.QueueUrgent); n != 1 || err != nil {
		t.Errorf("%d jobs wait, %v", n, err)
	}
	jobstest.Must(t, system.WakeNow(t.Context(), org, "5"))
	if n, err := system.Waiting(t.Context(), jobs.QueueUrgent); n != 2 || err != nil {
		t.Errorf("%d jobs wait, %v", n, err)
	}
}

// A person's sync and a fresh redeem do not wait behind a herd.
func TestTheHerdHasAQueueOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	system := enqueue.NewSystem(b.client)
	for n := range 300 {
		_, err := system.Scheduled(t.Context(), org, noon.Add(time.Duration(n)*time.Second))
		jobstest.Must(t, err)
	}
	_, err := system.Left(t.Context(), org, "7")
	jobstest.Must(t, err)
	jobstest.Must(t, system.Wake(t.Context(), org, "7"))
	for _, args := range []jobs.Args{jobs.Sync{OrganizationID: org}, jobs.SyncLicense{OrganizationID: org}} {
		_, err := b.client.Enqueue(t.Context(), args)
		jobstest.Must(t, err)
	}
	if urgent, cloud := b.count(t, jobs.QueueUrgent), b.count(t, jobs.QueueCloud); urgent != 3 || cloud != 301 {
		t.Errorf("%d urgent jobs, %d others", urgent, cloud)
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
