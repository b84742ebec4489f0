package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

func (b *bundle) lastError(want fault.Code) {
	b.t.Helper()
	got := fault.Code("")
	if e := b.organization().LastError; e != nil {
		got = e.Code
	}
	if got != want {
		b.t.Fatalf("last error = %q, want %q", got, want)
	}
}

func TestARejectedTokenPausesUntilSomebodyActs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.cloud.RotateKey(b.remote.ID)
	b.redeem(1)
	b.mustPending() // an automatic job has nobody to tell
	b.lastError(fault.BillingSyncTokenInvalid)
	before := len(b.cloud.SyncRequests())
	b.redeem(2)
	b.mustPending()
	b.mustPending()
	if n := len(b.cloud.SyncRequests()); n != before {
		t.Fatalf("%d requests while the organization waits for a person", n-before)
	}
	if err := b.full(); !jobs.IsPermanent(err) || fault.CodeOf(err) != fault.BillingSyncTokenInvalid {
		t.Fatalf("a person's sync: %v, want the cause, for good", err)
	}
	o, _ := b.cloud.Organization(b.remote.ID)
	connection := b.connection()
	connection.BillingSyncToken = secret.Text(o.BillingSyncKey)
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, connection))
	stuck, _, err := b.ledger.Stuck(t.Context(), state.Shard(org), ledger.Look{Ago: -time.Second, Limit: 10})
	jobstest.Must(t, err)
	if len(stuck) != 1 {
		t.Fatal("the saved connection did not bring the organization back to work")
	}
	b.mustPending()
	b.is(1, "sent")
	b.is(2, "sent")
	b.lastError("")
}

func TestAFailureIsToldOnceACode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cloud.Inject(cloudtest.Unavailable().Times(2))
	for range 2 {
		if err := b.full(); fault.CodeOf(err) != fault.CloudUnavailable {
			t.Fatal(err)
		}
	}
	b.cloud.Inject(cloudtest.EdgeBlock())
	if err := b.full(); fault.CodeOf(err) != fault.CloudEdgeBlocked {
		t.Fatal(err)
	}
	b.mustFull()
	var told []string
	for _, e := range b.syncEvents() {
		code := "ok"
		if e.Data.Error != nil {
			code = string(e.Data.Error.Code)
		}
		told = append(told, code)
	}
	if got := strings.Join(told, " "); got != "cloud_unavailable cloud_edge_blocked ok" {
		t.Errorf("sync events tell %q", got)
	}
	b.lastError("")
}

func TestABackoffIsKeptByNewIntents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.cloud.Inject(cloudtest.RateLimitedFor(120))
	b.redeem(1)
	b.mustPending() // the sweeps take it up when it is due
	b.lastError(fault.CloudRateLimited)
	if at := b.organization().RetryAt; at == nil || at.Before(b.now().Add(119*time.Second)) {
		t.Fatalf("the next attempt is due at %v, want the Retry-After obeyed", at)
	}
	before, wakes := len(b.cloud.Requests()), b.wakes.Load()
	b.redeem(2)
	if b.wakes.Load() != wakes {
		t.Error("a new intent wakes an organization whose next attempt is not due")
	}
	b.mustPending()
	if len(b.cloud.Requests()) != before {
		t.Fatal("a request left before Retry-After was over")
	}
	b.clockOff.Store(int64(121 * time.Second))
	b.mustPending()
	b.is(2, "sent")
}

func TestCloudCommunicationSwitchedOff(t *testing.T) {
	t.Parallel()
	b := setup(t).with(func(p *reconcile.Params) { p.Cloud = cloud.Disabled{} })
	b.redeem(1)
	if err := b.full(); !jobs.IsPermanent(err) || fault.CodeOf(err) != fault.CloudCommunicationDisabled {
		t.Fatalf("err = %v, want cloud_communication_disabled for good", err)
	}
	b.lastError(fault.CloudCommunicationDisabled)
	if n := len(b.cloud.Requests()); n != 0 {
		t.Fatalf("%d requests left", n)
	}
	if b.organization().LastSyncAt != nil {
		t.Error("a date for a sync that was none")
	}
}

// Cloud communication was off for a while: what the organization waits for is told
// as before.
func TestSwitchedOffForAWhileHidesNoPause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.cloud.RotateKey(b.remote.ID)
	b.redeem(1)
	b.mustPending()
	on := b.params.Cloud
	b.with(func(p *reconcile.Params) { p.Cloud = cloud.Disabled{} })
	if err := b.full(); fault.CodeOf(err) != fault.CloudCommunicationDisabled {
		t.Fatalf("err = %v, want cloud_communication_disabled", err)
	}
	b.with(func(p *reconcile.Params) { p.Cloud = on })
	b.mustPending()
	b.lastError(fault.BillingSyncTokenInvalid)
	if paused := b.organization().Paused; paused != fault.BillingSyncTokenInvalid {
		t.Errorf("paused for %q", paused)
	}
}

func TestNoConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.rdb.FlushAll(t.Context()).Err())
	if err := b.full(); !jobs.IsPermanent(err) || fault.CodeOf(err) != fault.ConnectionMissing {
		t.Fatalf("err = %v, want connection_missing for good", err)
	}
	b.lastError(fault.ConnectionMissing)
}

func TestAPoisonedRowAloneIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 20 {
		b.redeem(n)
	}
	poison := func(r cloudtest.Request) bool {
		for _, key := range r.RowKeys() {
			if key == string(user(13)) {
				return true
			}
		}
		return false
	}
	b.cloud.Inject(cloudtest.ServerError().When(poison).Times(-1))
	for range 2 {
		if err := b.full(); fault.CodeOf(err) != fault.CloudUnavailable {
			t.Fatalf("err = %v, want serverErrorLimit first", err)
		}
	}
	b.mustFull()
	for n := range 20 {
		if n == 13 {
			b.is(n, "refused not_accepted")
			continue
		}
		b.is(n, "sent mail_uncertain") // it was in a request that failed
	}
	if n := len(b.cloud.Mails()); n != 19 {
		t.Fatalf("%d mails, want 19", n)
	}
	before := len(b.cloud.SyncRequests())
	b.mustFull()
	after := b.cloud.SyncRequests()[before:]
	if len(after) != 2 || len(after[0].Rows) != 19 || len(after[1].Rows) != 1 {
		t.Errorf("the next full sync took %d requests, want the others together and the poisoned one alone", len(after))
	}
	b.cloud.ClearFaults()
	b.mustFull()
	b.is(13, "sent mail_uncertain")
}

func TestAnOrganizationWithoutTokenInTheCloudIsNotHalved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.BillingSyncKey = "" })
	for n := range 8 {
		b.redeem(n)
	}
	for range 2 {
		_ = b.full()
	}
	before := len(b.cloud.SyncRequests())
	err := b.full()
	if fault.CodeOf(err) != fault.CloudUnavailable || !strings.Contains(err.Error(), "generated a billing sync token") {
		t.Fatalf("err = %v, want one that names the missing token", err)
	}
	if n := len(b.cloud.SyncRequests()) - before; n != 3 {
		t.Errorf("%d requests, want the batch, the probe and an empty one", n)
	}
	b.is(0, "pending(redeem)")
}

func TestTwoSyncsOfOneOrganizationNeverOverlap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	gate := b.cloud.Hold(cloudtest.BeforeEffect, func(r cloudtest.Request) bool { return r.Path == cloudtest.PathSync })
	first := make(chan error, 1)
	job := b.jobID()
	go func() { first <- b.sync.Full(context.Background(), org, job, ledger.Manual) }()
	_, err := gate.Wait(t.Context())
	jobstest.Must(t, err)
	b.redeem(2)
	b.mustPending() // busy: the holder takes it along
	if err := b.full(); !jobs.IsSnooze(err) {
		t.Fatalf("a person's second sync: %v, want a snooze", err)
	}
	gate.Release()
	jobstest.Must(t, <-first)
	b.is(1, "sent")
	b.is(2, "sent")
	if n := b.cloud.Stats().Sync[b.remote.ID].MaxInFlight; n != 1 {
		t.Fatalf("%d requests of one organization at once", n)
	}
}

func TestASyncThatLostItsLeaseSendsNothingMore(t *testing.T) {
	t.Parallel()
	b := setup(t).with(func(p *reconcile.Params) { p.BatchSize = 1 })
	b.redeem(1)
	b.redeem(2)
	b.cloud.OnSync(func(ctx context.Context, _ cloudtest.Request) {
		for _, key := range b.rdb.Keys(ctx, "*:lease").Val() {
			b.rdb.Set(ctx, key, "somebody else", time.Minute)
		}
	})
	if err := b.full(); !jobs.IsSnooze(err) {
		t.Fatalf("err = %v, want a snooze", err)
	}
	if n := len(b.cloud.SyncRequests()); n != 1 {
		t.Fatalf("%d requests, want none after the lease was lost", n)
	}
}

func TestAShutdownIsNoFailureOfTheOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	ctx, cancel := context.WithCancel(t.Context())
	b.cloud.OnSync(func(context.Context, cloudtest.Request) { cancel() })
	err := b.sync.Full(ctx, org, "stopped", ledger.Manual)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v, want the context's", err)
	}
	b.lastError("")
	b.cloud.OnSync(nil)
	if err := b.sync.Full(t.Context(), org, "stopped", ledger.Manual); !jobs.IsSnooze(err) { // at once: the lease was given back
		t.Fatalf("err = %v, want a wait for the request that was cut off", err)
	}
	b.afterGrace()
	jobstest.Must(t, b.sync.Full(t.Context(), org, "stopped", ledger.Manual))
	b.is(1, "sent mail_uncertain")
	if b.mails(1) != 1 {
		t.Fatalf("%d mails", b.mails(1))
	}
}
