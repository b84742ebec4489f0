package reconcile_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// Each test here is a scenario that once went wrong.

func TestAFullSyncAskedForAtTheVeryEndIsDoneAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := false
	b.with(func(p *reconcile.Params) {
		p.Observe = func(sponsorship.ID, time.Time) {
			if asked {
				return
			}
			asked = true
			_, err := b.ledger.RequestFull(t.Context(), org, ledger.Request{JobID: "at the end", Trigger: ledger.Manual})
			jobstest.Must(t, err)
		}
	})
	b.mustFull()
	request, err := b.ledger.RequestFull(t.Context(), org, ledger.Request{JobID: "at the end", Trigger: ledger.Manual})
	jobstest.Must(t, err)
	if !request.Done {
		t.Fatal("the request is still open")
	}
}

func TestATokenSavedDuringASyncIsNotPausedForTheOldOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	fresh := b.cloud.RotateKey(b.remote.ID)
	b.cloud.OnSync(func(ctx context.Context, _ cloudtest.Request) {
		b.cloud.OnSync(nil)
		c := b.connection()
		c.BillingSyncToken = secret.Text(fresh)
		jobstest.Must(t, b.ledger.Connect(ctx, org, c))
	})
	if err := b.pending(); !jobs.IsSnooze(err) {
		t.Fatalf("err = %v, want another try", err)
	}
	if paused := b.organization().Paused; paused != "" {
		t.Fatalf("paused: %s, for a token that is no longer in use", paused)
	}
	b.mustPending()
	b.is(1, "sent")
}

func TestATypingErrorCanBeCorrectedWhileNothingHasLeft(t *testing.T) {
	t.Parallel()
	for name, obstacle := range map[string]cloudtest.Fault{
		"no token":      cloudtest.Unavailable().On(cloudtest.PathToken),
		"rate limited":  cloudtest.RateLimitedFor(1),
		"edge block":    cloudtest.EdgeBlock(),
		"token refused": cloudtest.Unauthorized().Times(2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.redeem(1)
			b.cloud.Inject(obstacle)
			if b.full() == nil {
				t.Fatal("the obstacle was none")
			}
			jobstest.Must(t, b.change(1, readdress("right@example.com")))
			b.is(1, "pending(redeem)")
			b.mustFull()
			b.is(1, "sent")
			if b.mails(1) != 0 || len(b.cloud.MailsTo("right@example.com")) != 1 {
				t.Fatalf("%d mails to the wrong address, %d to the right one", b.mails(1), len(b.cloud.MailsTo("right@example.com")))
			}
		})
	}
}

func TestAWithdrawalThatDidNotArriveIsAskedAboutAgain(t *testing.T) {
	t.Parallel()
	b := sent(t)
	jobstest.Must(t, b.change(1, readdress("new@example.com")))
	b.cloud.Inject(cloudtest.RateLimitedFor(600).After(1)) // the question passes, the tombstone does not
	b.mustPending()
	if b.organization().LastError == nil {
		t.Fatal("the tombstone passed")
	}
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	b.clockOff.Store(int64(11 * time.Minute))
	b.mustPending()
	b.is(1, "redeemed already_redeemed")
}

func TestALateDeliveryOfARevocationIsNoFailure(t *testing.T) {
	t.Parallel()
	b := sent(t)
	job := jobs.Job[jobs.ChangeSponsorship]{ID: "late", Args: jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: user(1), Revoke: true}}
	for range 2 {
		jobstest.Must(t, b.intake.ChangeSponsorship(t.Context(), job))
	}
	b.mustPending()
	b.is(1, "removed")
	jobstest.Must(t, b.intake.ChangeSponsorship(t.Context(), job))
}

func TestAnIllnessOfTheCloudPoisonsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.cloud.Inject(cloudtest.ServerError().Times(3))
	for range 2 {
		if fault.CodeOf(b.full()) != fault.CloudUnavailable {
			t.Fatal("want serverErrorLimit")
		}
	}
	b.mustFull()
	b.is(1, "sent mail_uncertain")
}

func TestAFullSyncThatRestedTooLongStartsOver(t *testing.T) {
	t.Parallel()
	b := setup(t).with(func(p *reconcile.Params) { p.BatchSize = 2 })
	for n := range 4 {
		b.redeem(n)
	}
	b.mustFull()
	b.cloud.Inject(cloudtest.Unavailable().After(1))
	if b.full() == nil {
		t.Fatal("the sync was not interrupted")
	}
	b.clockOff.Store(int64(30 * 24 * time.Hour))
	for n := range 4 {
		_, err := b.cloud.Accept(b.remote.ID, string(user(n)))
		jobstest.Must(t, err)
	}
	b.mustPending()
	for n := range 4 {
		b.is(n, "redeemed")
	}
}

func TestSavingTheConnectionCausesOneFullSync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	key := b.remote.BillingSyncKey
	b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.BillingSyncKey = "another" })
	jobstest.Must(t, b.sync.Full(t.Context(), org, "daily", ledger.Scheduled))
	b.lastError(fault.BillingSyncTokenInvalid)
	b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.BillingSyncKey = key })
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, b.connection()))
	before := len(b.cloud.SyncRequests())
	b.mustPending()
	due, _, err := b.ledger.DueSyncs(t.Context(), state.Shard(org), ledger.Look{Limit: 10})
	jobstest.Must(t, err)
	if n := len(b.cloud.SyncRequests()) - before; n != 1 || len(due) != 0 {
		t.Errorf("%d requests, and %d syncs due right after", n, len(due))
	}
}

func TestALiftedPauseGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	b.cloud.Inject(cloudtest.Unauthorized().Times(2))
	b.mustPending()
	b.lastError(fault.InstallationRejected)
	if _, err := b.ledger.Lift(t.Context(), org, fault.InstallationRejected); err != nil {
		t.Fatal(err)
	}
	b.mustPending()
	b.is(1, "sent")
}

// A person corrects an address when its row has been read, and is not marked yet.
func TestWhatIsChangedBeforeItLeavesGoesAsItIsNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	tokens := 0
	b.with(func(p *reconcile.Params) {
		p.NewToken = func() string {
			if tokens++; tokens == 2 { // the first one names the lease, the second the request
				jobstest.Must(t, b.change(1, readdress("right@example.com")))
			}
			return fmt.Sprint("token-", tokens)
		}
	})
	b.mustPending()
	b.is(1, "sent")
	if b.mails(1) != 0 || len(b.cloud.MailsTo("right@example.com")) != 1 {
		t.Errorf("%d mails to the old address, %d to the new one", b.mails(1), len(b.cloud.MailsTo("right@example.com")))
	}
}
