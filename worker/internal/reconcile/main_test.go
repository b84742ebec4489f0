package reconcile_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

func TestNothingLeavesBeforeTheFirstSyncIsStartedByHand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.mustPending()
	if n := len(b.cloud.Requests()); n != 0 {
		t.Fatalf("%d requests before the first sync", n)
	}
	if b.wakes.Load() != 0 || b.organization().LastSyncAt != nil {
		t.Fatal("the organization was woken, or claims to have synced")
	}
	b.is(1, "pending(redeem)")
	b.mustFull()
	b.is(1, "sent")
	if b.organization().LastSyncAt == nil || b.mails(1) != 1 {
		t.Fatal("the first sync sent no mail, or left no date")
	}
}

func TestFirstSyncWithoutRowsProvesTokenAndConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	if requests := b.cloud.SyncRequests(); len(requests) != 1 || len(requests[0].Rows) != 0 {
		t.Fatalf("requests = %+v, want one empty batch", requests)
	}
	o := b.organization()
	if o.LastSyncAt == nil || o.NextSyncAt == nil {
		t.Fatal("no dates")
	}
	if gap := o.NextSyncAt.Sub(*o.LastSyncAt); gap < 24*time.Hour || gap > 24*time.Hour*110/100 {
		t.Errorf("next sync %v after the last, want 24 h and at most 10 %% more", gap)
	}
}

func TestSentThenRedeemedByADailySync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	if b.wakes.Load() != 1 {
		t.Fatalf("%d wake-ups, want 1", b.wakes.Load())
	}
	b.mustPending()
	b.is(1, "sent")
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	jobstest.Must(t, b.sync.Full(t.Context(), org, "daily", ledger.Scheduled))
	b.is(1, "redeemed")
	if b.get(1).ValidUntil == nil || b.mails(1) != 1 {
		t.Fatalf("valid until %v, %d mails", b.get(1).ValidUntil, b.mails(1))
	}
	if got, want := b.story(1), []string{"pending", "sent", "redeemed"}; !reflect.DeepEqual(got, want) {
		t.Errorf("events tell %v, want %v", got, want)
	}
	var triggers []string
	for _, e := range b.syncEvents() {
		triggers = append(triggers, e.Data.Trigger)
	}
	if want := []string{"manual", "pending", "scheduled"}; !reflect.DeepEqual(triggers, want) {
		t.Errorf("sync events = %v, want %v", triggers, want)
	}
}

func TestManyRedeemsTravelInFewRequests(t *testing.T) {
	t.Parallel()
	b := setup(t).with(func(p *reconcile.Params) { p.BatchSize = 100 })
	for n := range 250 {
		b.redeem(n)
	}
	b.mustFull()
	requests := b.cloud.SyncRequests()
	if len(requests) != 3 {
		t.Fatalf("%d requests for 250 rows of 100 per request, want 3", len(requests))
	}
	seen := map[string]bool{}
	for _, r := range requests {
		for _, key := range r.RowKeys() {
			if seen[key] {
				t.Fatalf("%s went twice in one sync", key)
			}
			seen[key] = true
		}
	}
	if len(b.cloud.Mails()) != 250 {
		t.Fatalf("%d mails, want 250", len(b.cloud.Mails()))
	}
}

func TestALostAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.cloud.Inject(cloudtest.LostAnswer().Times(1))
	if err := b.full(); fault.CodeOf(err) != fault.CloudUnavailable || jobs.IsPermanent(err) {
		t.Fatalf("err = %v, want cloud_unavailable, to be tried again", err)
	}
	b.is(1, "pending(redeem) cloud_unavailable")
	b.afterGrace()
	b.mustFull()
	b.is(1, "sent mail_uncertain")
	if b.mails(1) != 1 {
		t.Fatalf("%d mails, want 1", b.mails(1))
	}
}

func TestAFullSyncRunsOnceForAJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.sync.Full(t.Context(), org, "same", ledger.Manual))
	jobstest.Must(t, b.sync.Full(t.Context(), org, "same", ledger.Manual))
	if n := len(b.cloud.SyncRequests()); n != 1 {
		t.Fatalf("%d requests for one job that was delivered twice, want 1", n)
	}
}

func TestAnInterruptedFullSyncGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	b := setup(t).with(func(p *reconcile.Params) { p.BatchSize = 10 })
	for n := range 40 {
		b.redeem(n)
	}
	b.mustFull()
	before := len(b.cloud.SyncRequests())
	b.cloud.Inject(cloudtest.Unavailable().After(2).Times(1))
	if err := b.full(); err == nil {
		t.Fatal("the sync did not fail")
	}
	b.clockOff.Store(int64(10 * time.Minute)) // the backoff is over
	b.mustPending()                           // the sweep's wake-up finishes what the job began
	sent := map[string]int{}
	for _, r := range b.cloud.SyncRequests()[before:] {
		if r.Status != 200 {
			continue
		}
		for _, key := range r.RowKeys() {
			sent[key]++
		}
	}
	for key, times := range sent {
		if times != 1 {
			t.Errorf("%s went %d times", key, times)
		}
	}
	if len(sent) != 40 {
		t.Errorf("%d rows went, want 40", len(sent))
	}
	last := b.syncEvents()[len(b.syncEvents())-1]
	if last.Type != "sponsorsync.sync.succeeded" || last.Data.Trigger != "manual" {
		t.Errorf("last event = %s by %s, want the manual sync's success", last.Type, last.Data.Trigger)
	}
}

func TestAFullSyncWritesNoRowThatIsAsItWas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.redeem(2)
	b.mustFull()
	rows := func() map[string]string { return b.rdb.HGetAll(t.Context(), state.Key(org, "rows")).Val() }
	before, sent := rows(), b.requests()
	b.clockOff.Add(int64(24 * time.Hour))
	b.mustFull()
	if b.requests() != sent+1 || !reflect.DeepEqual(rows(), before) {
		t.Errorf("%d requests more; the rows were %v and are %v", b.requests()-sent, before, rows())
	}
	if at := b.get(1).SyncedAt(b.organization().LastSyncAt); at.Sub(*b.get(1).LastSyncAt) < 23*time.Hour {
		t.Errorf("it says that the cloud confirmed it last at %v", at)
	}
}
