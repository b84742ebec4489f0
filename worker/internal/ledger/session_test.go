package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

func TestStuckFindsWorkThatNobodyHolds(t *testing.T) {
	t.Parallel()
	b := started(t)
	a := b.accept(1, nil)
	look := func(grace time.Duration) []ledger.Wake {
		found, _, err := b.Stuck(t.Context(), state.Shard(org), ledger.Look{Ago: grace, Limit: 10})
		jobstest.Must(t, err)
		return found
	}
	if len(look(time.Hour)) != 0 {
		t.Error("fresh work counts as stuck")
	}
	if found := look(-time.Second); len(found) != 1 || found[0].Organization != org || found[0].Generation != a.Wake {
		t.Errorf("stuck = %+v, want the organization at generation %s", found, a.Wake)
	}
	b.begin("sync")
	if len(look(-time.Second)) != 0 {
		t.Error("work that a sync holds counts as stuck")
	}
}

func TestDueSyncsNeedAFirstOne(t *testing.T) {
	t.Parallel()
	b := started(t)
	lookAfter := func(d time.Duration) []ledger.DueSync {
		b.advance(d)
		found, _, err := b.DueSyncs(t.Context(), state.Shard(org), ledger.Look{Limit: 10})
		jobstest.Must(t, err)
		return found
	}
	if len(lookAfter(23*time.Hour)) != 0 || len(lookAfter(2*time.Hour)) != 1 {
		t.Error("the date is not a day after the first sync")
	}
	fresh := setup(t)
	if r, err := fresh.RequestFull(t.Context(), org, ledger.Request{JobID: "auto", Trigger: ledger.Scheduled}); err != nil || !r.Denied {
		t.Errorf("a scheduled sync before the first manual one: %+v, %v", r, err)
	}
}

func TestRequestsAreJoinedUntilTheyBegin(t *testing.T) {
	t.Parallel()
	b := started(t)
	request := func(job string) ledger.Requested {
		r, err := b.RequestFull(t.Context(), org, ledger.Request{JobID: job, Trigger: ledger.Manual})
		jobstest.Must(t, err)
		return r
	}
	request("one")
	if request("two").Done {
		t.Fatal("done before a sync began")
	}
	s := b.begin("sync")
	request("three")
	jobstest.Must(t, s.Settle(t.Context(), ledger.Settled{Full: true}))
	if !request("one").Done || !request("two").Done {
		t.Fatal("two requests before the sync began were not answered by it")
	}
	if request("three").Done {
		t.Fatal("a request after the sync began counts as done")
	}
	if outstanding, _, _ := s.FullOutstanding(); !outstanding {
		t.Fatal("the later request was forgotten")
	}
}

func TestFailTellsOnceACodeAndPauses(t *testing.T) {
	t.Parallel()
	b := started(t)
	fail := func(code fault.Code, id string) {
		s := b.begin("sync " + id)
		_, err := s.Fail(t.Context(), ledger.Failed{Fault: fault.New(code, "why"), RetryIn: time.Minute, Pause: code.NeedsAdmin(), Event: event(id)})
		jobstest.Must(t, err)
	}
	fail(fault.CloudUnavailable, "a")
	fail(fault.CloudUnavailable, "b")
	fail(fault.BillingSyncTokenInvalid, "c")
	var ids []string
	for _, e := range b.outbox() {
		ids = append(ids, e.ID)
	}
	if got := strings.Join(ids, ""); got != "ac" {
		t.Fatalf("events %q, want one a change of code", got)
	}
	o, known, err := b.Organization(t.Context(), org)
	jobstest.Must(t, err)
	if !known || o.Failures != 3 || o.Paused != fault.BillingSyncTokenInvalid || o.LastError.Code != fault.BillingSyncTokenInvalid {
		t.Fatalf("organization = %+v", o)
	}
	if a := b.accept(1, nil); a.Wake != "" {
		t.Error("a paused organization is woken")
	}
	jobstest.Must(t, b.Connect(t.Context(), org, state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "new"}))
	if o, _, _ = b.Organization(t.Context(), org); o.Paused != "" {
		t.Error("still paused after the connection was saved")
	}
}

// TestRenewRunsBesideTheSync, as the heartbeat does; for the race detector.
func TestRenewRunsBesideTheSync(t *testing.T) {
	t.Parallel()
	b := started(t)
	s := b.begin("token")
	renewed := make(chan error, 1)
	go func() {
		var err error
		for range 50 {
			err = errors.Join(err, s.Renew(t.Context()))
		}
		renewed <- err
	}()
	for range 50 {
		jobstest.Must(t, s.Settle(t.Context(), ledger.Settled{}))
	}
	jobstest.Must(t, <-renewed)
}
