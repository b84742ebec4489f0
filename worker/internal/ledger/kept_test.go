package ledger_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// stuck reports whether a sweep would find the organization's work.
func (b bundle) stuck() bool {
	b.t.Helper()
	b.advance(time.Minute)
	found, _, err := b.Stuck(b.t.Context(), state.Shard(org), ledger.Look{Ago: time.Second, Limit: 10})
	jobstest.Must(b.t, err)
	return len(found) == 1
}

func TestALeaseIsKeptByWorkingAndByRenewing(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("busy")
	for range 3 {
		b.server.FastForward(ledger.LeaseLife * 2 / 3)
		jobstest.Must(t, s.Renew(t.Context()))
	}
	other, err := b.Begin(t.Context(), org, ledger.Attempt{Token: "another"})
	jobstest.Must(t, err)
	if !other.Busy {
		t.Error("a lease that was renewed in time was given to another")
	}
}

func TestALostLeaseIsNotGivenBackForItsNewHolder(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	slow := b.begin("slow")
	b.server.FastForward(ledger.LeaseLife + time.Second)
	b.begin("quick")
	_, err := slow.Release(t.Context(), ledger.Leave{Anyway: true})
	jobstest.Must(t, err)
	third, err := b.Begin(t.Context(), org, ledger.Attempt{Token: "third"})
	jobstest.Must(t, err)
	if !third.Busy {
		t.Error("the slow sync gave away the lease of the quick one")
	}
}

// What a sync that was taken over says of the organization is old news.
func TestWhoLostTheLeaseRecordsNothing(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	slow := b.begin("slow")
	b.server.FastForward(ledger.LeaseLife + time.Second)
	b.begin("quick")
	before := b.rdb.HGetAll(t.Context(), state.Key(org, "")).Val()
	if err := slow.Progress(t.Context(), "far"); !errors.Is(err, ledger.ErrLeaseLost) {
		t.Errorf("progress: %v", err)
	}
	if err := slow.Settle(t.Context(), ledger.Settled{}); !errors.Is(err, ledger.ErrLeaseLost) {
		t.Errorf("success: %v", err)
	}
	_, err := slow.Fail(t.Context(), ledger.Failed{Fault: fault.New(fault.BillingSyncTokenInvalid, "why"), Pause: true})
	jobstest.Must(t, err)
	if after := b.rdb.HGetAll(t.Context(), state.Key(org, "")).Val(); !maps.Equal(before, after) {
		t.Errorf("the organization was %v and is %v", before, after)
	}
	third, err := b.Begin(t.Context(), org, ledger.Attempt{Token: "third"})
	jobstest.Must(t, err)
	if !third.Busy {
		t.Error("the slow sync's failure gave away the lease of the quick one")
	}
}

func TestWorkThatIsLeftStaysWork(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("interrupted")
	_, err := s.Release(t.Context(), ledger.Leave{Anyway: true})
	jobstest.Must(t, err)
	if !b.stuck() {
		t.Error("what an interrupted sync left behind is found by nobody")
	}
	s = b.begin("failing")
	b.rdb.ZRem(t.Context(), state.ShardKey(state.Shard(org), "work"), string(org))
	_, err = s.Fail(t.Context(), ledger.Failed{Fault: fault.New(fault.CloudUnavailable, "why")})
	jobstest.Must(t, err)
	if !b.stuck() {
		t.Error("what a failed sync left behind is found by nobody")
	}
}

func TestAPauseThatEndsRestoresTheSchedule(t *testing.T) {
	t.Parallel()
	b := started(t)
	s := b.begin("rejected")
	_, err := s.Fail(t.Context(), ledger.Failed{Fault: fault.New(fault.BillingSyncTokenInvalid, "why"), Pause: true})
	jobstest.Must(t, err)
	jobstest.Must(t, b.Connect(t.Context(), org, state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "new"}))
	b.advance(25 * time.Hour)
	due, _, err := b.DueSyncs(t.Context(), state.Shard(org), ledger.Look{Limit: 10})
	jobstest.Must(t, err)
	if len(due) != 1 {
		t.Error("after a pause there is never a daily sync again")
	}
}

func TestAJobIsRememberedForLongerThanAnyQueueRedeliversIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.accept(1, nil)
	b.server.FastForward(71 * time.Hour)
	again, err := b.Accept(t.Context(), "job-1", ledger.Write{Before: 1, After: pending(1)})
	jobstest.Must(t, err)
	if !again.Duplicate {
		t.Error("a job that was delivered a second time after three days was applied again")
	}
}
