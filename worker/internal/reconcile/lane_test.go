package reconcile_test

import (
	"context"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// watched is a cloud that asks each request for its lane, after what a test does
// just then.
type watched struct {
	reconcile.Cloud
	before func(request int)
	urgent []bool
}

func (w *watched) Turn(ctx context.Context, lane cloud.Lane) error {
	if w.before != nil {
		w.before(len(w.urgent))
	}
	urgent, err := lane(ctx)
	if err != nil {
		return err
	}
	w.urgent = append(w.urgent, urgent)
	return w.Cloud.Turn(ctx, lane)
}

// watch looks at the lanes of an organization with n members that were all synced
// before, two rows per request, while others wait in the queues.
func watch(t *testing.T, n int, others map[jobs.Queue]int) (*bundle, *watched) {
	t.Helper()
	b := setup(t)
	b.mustFull()
	for i := range n {
		b.redeem(i)
	}
	b.mustPending()
	w := &watched{Cloud: b.params.Cloud}
	b.with(func(p *reconcile.Params) {
		p.Cloud, p.BatchSize = w, 2
		p.Waiting = func(_ context.Context, q jobs.Queue) (int, error) { return others[q], nil }
	})
	return b, w
}

func count(lanes []bool) (urgent, bulk int) {
	for _, u := range lanes {
		if u {
			urgent++
		} else {
			bulk++
		}
	}
	return urgent, bulk
}

func TestLanes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sync func(b *bundle) error
		want bool
	}{
		"a person's sync": {(*bundle).full, true},
		"the daily sync": {func(b *bundle) error {
			return b.sync.Full(b.t.Context(), org, "daily", ledger.Scheduled)
		}, false},
		"a fresh redeem": {func(b *bundle) error { b.redeem(9); return b.pending() }, true},
		"what was left behind": {func(b *bundle) error {
			b.redeem(9)
			return b.sync.SyncLeft(b.t.Context(), jobs.Job[jobs.SyncLeft]{Args: jobs.SyncLeft{OrganizationID: org}})
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, w := watch(t, 2, nil)
			jobstest.Must(t, tt.sync(b))
			if len(w.urgent) != 1 || w.urgent[0] != tt.want {
				t.Errorf("urgent %v, want %v", w.urgent, tt.want)
			}
		})
	}
}

// What has failed before is no longer urgent: after an outage there are thousands.
func TestARetriedWakeUpCanWait(t *testing.T) {
	t.Parallel()
	b, w := watch(t, 1, nil)
	b.redeem(9)
	b.failOnce()
	b.clockOff.Store(int64(time.Hour))
	b.mustPending()
	if last := len(w.urgent) - 1; w.urgent[last] {
		t.Error("a retry is as urgent as a fresh wish")
	}
}

// A full sync of many rows gives its handler back when others wait, and goes on
// where it was; nothing is told as a failure.
func TestALongSyncGivesWay(t *testing.T) {
	t.Parallel()
	others := map[jobs.Queue]int{jobs.QueueUrgent: 3}
	b, w := watch(t, 24, others)
	job, told := b.jobID(), len(b.syncEvents())
	err := b.sync.Full(t.Context(), org, job, ledger.Manual)
	if delay, _ := jobs.Delay(err); !jobs.IsSnooze(err) || delay != 0 {
		t.Fatalf("got %v, want it to come back at once", err)
	}
	if urgent, bulk := count(w.urgent); urgent != 10 || bulk != 0 {
		t.Errorf("%d urgent requests and %d others before it gave way", urgent, bulk)
	}
	if o := b.organization(); o.LastError != nil || len(b.syncEvents()) != told {
		t.Errorf("told as a failure: %+v", o.LastError)
	}
	jobstest.Must(t, b.sync.Full(t.Context(), org, job, ledger.Manual))
	if urgent, bulk := count(w.urgent); urgent != 10 || bulk != 2 {
		t.Errorf("%d urgent requests and %d others in all, want the rest to wait its turn", urgent, bulk)
	}
}

func TestALongSyncGoesOnWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	b, w := watch(t, 24, map[jobs.Queue]int{jobs.QueueCloud: 8000}) // of the other queue
	b.mustFull()
	if urgent, bulk := count(w.urgent); urgent != 10 || bulk != 2 {
		t.Errorf("%d urgent requests, %d others", urgent, bulk)
	}
}

// A redeem that arrives in the middle of a long daily sync travels in the very next
// request, which becomes urgent by it.
func TestARedeemOvertakesALongSync(t *testing.T) {
	t.Parallel()
	b, w := watch(t, 10, nil)
	w.before = func(request int) {
		if request == 2 {
			b.redeem(77)
		}
	}
	jobstest.Must(t, b.sync.Full(t.Context(), org, "daily", ledger.Scheduled))
	if len(w.urgent) < 4 || w.urgent[0] || w.urgent[1] || !w.urgent[2] {
		t.Errorf("urgent: %v", w.urgent)
	}
	b.is(77, "sent")
}

// The sweeps wake what has a long backoff: a queue full of sleepers would stand in
// front of everybody when the outage is over.
func TestALongBackoffLeavesTheQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	var left bool
	for range 8 {
		b.failOnce()
		o := b.organization()
		left = o.RetryAt.Sub(b.now()) > 10*time.Second
		b.clockOff.Add(int64(time.Hour))
	}
	if !left {
		t.Fatal("the backoff did not grow")
	}
	b.clockOff.Add(-int64(time.Hour) + int64(time.Second))
	if err := b.pending(); err != nil {
		t.Errorf("err = %v, want the job over", err)
	}
}
