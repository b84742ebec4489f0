package reconcile_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// sent returns a bundle whose sponsorship 1 the cloud has mailed. A second one
// keeps it company, so that an answer is never empty.
func sent(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	b.redeem(1)
	b.redeem(2)
	b.mustFull()
	b.is(1, "sent")
	return b
}

func redeemed(t *testing.T) *bundle {
	t.Helper()
	b := sent(t)
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	b.mustFull()
	b.is(1, "redeemed")
	return b
}

// checkTombstones: never a date on one (PROTOCOL.md 2.5 row 7).
func (b *bundle) checkTombstones() {
	b.t.Helper()
	for _, r := range b.cloud.SyncRequests() {
		for _, row := range r.Rows {
			if row.ToDelete && row.LastSyncDate != nil {
				b.t.Fatalf("a tombstone carries lastSyncDate in request %d", r.Seq)
			}
		}
	}
}

func TestChangeOfAnAddressIsThreeStepsInOneSync(t *testing.T) {
	t.Parallel()
	b := sent(t)
	before := len(b.cloud.SyncRequests())
	jobstest.Must(t, b.change(1, readdress("new@example.com")))
	b.is(1, "pending(change)")
	b.mustPending()
	b.is(1, "sent")
	steps := b.cloud.SyncRequests()[before:]
	if len(steps) != 3 || steps[0].Rows[0].ToDelete || !steps[1].Rows[0].ToDelete || steps[2].Rows[0].ToDelete {
		t.Fatalf("steps = %+v, want ask, tombstone, offer", steps)
	}
	if n := len(b.cloud.MailsTo("new@example.com")); n != 1 || b.mails(1) != 1 {
		t.Fatalf("%d mails to the new address and %d to the old, want 1 each", n, b.mails(1))
	}
	if got, want := b.story(1), []string{"pending", "sent", "pending", "sent"}; !reflect.DeepEqual(got, want) {
		t.Errorf("events tell %v, want %v", got, want)
	}
	b.checkTombstones()
}

func TestChangeOfAnAddressSurvivesALostAnswerAtEveryStep(t *testing.T) {
	t.Parallel()
	for step := range 3 {
		b := sent(t)
		jobstest.Must(t, b.change(1, readdress("new@example.com")))
		b.cloud.Inject(cloudtest.LostAnswer().After(step).Times(1))
		if err := b.pending(); err == nil {
			t.Fatalf("step %d: no answer was lost", step)
		}
		b.afterGrace()
		b.mustFull()
		if step == 2 { // the one that mails
			b.is(1, "sent mail_uncertain")
		} else {
			b.is(1, "sent")
		}
		if n := len(b.cloud.MailsTo("new@example.com")); n != 1 || b.mails(1) != 1 {
			t.Errorf("step %d: %d mails to the new address and %d to the old, want 1 each", step, n, b.mails(1))
		}
		b.checkTombstones()
	}
}

func TestChangeOfAnAddressLosesToARecipientWhoAccepted(t *testing.T) {
	t.Parallel()
	b := sent(t)
	jobstest.Must(t, b.change(1, readdress("new@example.com")))
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	b.mustPending()
	b.is(1, "redeemed already_redeemed")
	for _, r := range b.cloud.SyncRequests() {
		for _, row := range r.Rows {
			if row.ToDelete {
				t.Fatal("a tombstone met a sponsorship that was redeemed")
			}
		}
	}
}

func TestLabelsChangeWithoutMail(t *testing.T) {
	t.Parallel()
	b := sent(t)
	jobstest.Must(t, b.change(1, relabel))
	b.is(1, "pending(change)")
	b.mustPending()
	b.is(1, "sent")
	if b.mails(1) != 1 || b.get(1).Name != "label" {
		t.Fatalf("%d mails, label %q", b.mails(1), b.get(1).Name)
	}
}

func TestRevocations(t *testing.T) {
	t.Parallel()
	t.Run("never sent: no call", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.redeem(1)
		jobstest.Must(t, b.change(1, revoke))
		b.is(1, "removed")
		b.mustFull()
		if n := len(b.cloud.Mails()); n != 0 {
			t.Fatalf("%d mails", n)
		}
	})
	t.Run("sent: removed, and can be redeemed anew", func(t *testing.T) {
		t.Parallel()
		b := sent(t)
		jobstest.Must(t, b.change(1, revoke))
		b.is(1, "pending(revoke)")
		b.mustPending()
		b.is(1, "removed")
		b.redeem(1)
		b.mustPending()
		b.is(1, "sent")
		if b.mails(1) != 2 {
			t.Fatalf("%d mails for two redeems", b.mails(1))
		}
		if got, want := b.story(1), []string{"pending", "sent", "pending", "removed", "pending", "sent"}; !reflect.DeepEqual(got, want) {
			t.Errorf("events tell %v, want %v", got, want)
		}
	})
	t.Run("sent, answer lost: nobody is mailed again", func(t *testing.T) {
		t.Parallel()
		b := sent(t)
		jobstest.Must(t, b.change(1, revoke))
		b.cloud.Inject(cloudtest.LostAnswer().Times(1))
		if b.pending() == nil {
			t.Fatal("no answer was lost")
		}
		b.afterGrace()
		b.mustFull()
		b.is(1, "removed")
		if b.mails(1) != 1 {
			t.Fatalf("%d mails: the tombstone woke the offer again", b.mails(1))
		}
	})
	t.Run("redeemed: expiring until the cloud purges it", func(t *testing.T) {
		t.Parallel()
		b := redeemed(t)
		jobstest.Must(t, b.change(1, revoke))
		b.mustPending()
		b.is(1, "expiring")
		b.mustFull()
		b.is(1, "expiring")
		b.clockOff.Store(int64(500 * 24 * 3600 * 1e9))
		b.cloud.Purge()
		b.mustFull()
		b.is(1, "removed")
	})
}

func TestRefusalsAreVisibleAndRecover(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.PlanType = cloudtest.PlanTeams })
	b.redeem(1)
	b.redeem(2)
	b.mustFull()
	b.is(1, "refused not_accepted")
	jobstest.Must(t, b.change(2, revoke))
	b.is(2, "removed")
	b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.PlanType = cloudtest.PlanEnterprise })
	b.mustFull()
	b.is(1, "sent")
	if len(b.cloud.MailsTo(address(2))) != 0 {
		t.Fatal("a refused sponsorship that was revoked got mailed")
	}
}

func TestAWithdrawalThatTheCloudIgnoresWaitsForAFullSync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.mustFull()
	b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.PlanType = cloudtest.PlanFree })
	jobstest.Must(t, b.change(1, revoke))
	b.mustPending()
	b.is(1, "pending(revoke) not_accepted")
	b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.PlanType = cloudtest.PlanEnterprise })
	b.mustFull()
	b.is(1, "removed")
}

func TestALapsedSponsorshipExpiresAndIsNotSentAgain(t *testing.T) {
	t.Parallel()
	b := redeemed(t)
	b.clockOff.Store(int64(500 * 24 * 3600 * 1e9))
	jobstest.Must(t, b.cloud.Renew(b.remote.ID, string(user(1)), b.now().Add(-31*24*3600*1e9)))
	b.mustFull()
	b.is(1, "expired")
	before := len(b.cloud.SyncRequests())
	b.cloud.Purge()
	b.mustFull()
	for _, r := range b.cloud.SyncRequests()[before:] {
		for _, key := range r.RowKeys() {
			if key == string(user(1)) {
				t.Fatal("an expired sponsorship was sent again")
			}
		}
	}
}

func TestAChangeDuringTheRequestIsNotOverwritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.redeem(2)
	once := true
	b.cloud.OnSync(func(context.Context, cloudtest.Request) {
		if once {
			once = false
			jobstest.Must(t, b.change(1, revoke))
		}
	})
	b.mustFull()
	b.is(1, "removed")
	b.is(2, "sent")
	if rows := b.cloud.Rows(b.remote.ID); len(rows) != 1 || b.mails(1) != 1 {
		t.Fatalf("%d rows in the cloud, %d mails; want the revoked one gone and mailed once", len(rows), b.mails(1))
	}
}

func TestAdminInitiatedOnesHaveAKeyEach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 5 {
		jobstest.Must(t, b.intake.Redeem(t.Context(), jobs.Job[jobs.Redeem]{ID: b.jobID(), Args: jobs.Redeem{
			OrganizationID: org, OrganizationUserID: user(1), SponsoredEmail: address(n), AdminInitiated: true,
		}}))
	}
	b.redeem(1) // the admin's own
	b.mustFull()
	b.mustFull()
	keys := map[string]bool{}
	for _, row := range b.cloud.SyncRequests()[0].RowKeys() {
		keys[row] = true
	}
	if len(keys) != 6 || len(b.cloud.Rows(b.remote.ID)) != 6 {
		t.Fatalf("%d keys, %d rows in the cloud, want 6", len(keys), len(b.cloud.Rows(b.remote.ID)))
	}
}

func TestALateDeliveryOfAJobChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	job := jobs.Job[jobs.Redeem]{ID: "late", Args: jobs.Redeem{OrganizationID: org, OrganizationUserID: user(1), SponsoredEmail: address(1)}}
	jobstest.Must(t, b.intake.Redeem(t.Context(), job))
	b.mustPending()
	jobstest.Must(t, b.change(1, revoke))
	b.mustPending()
	b.is(1, "removed")
	jobstest.Must(t, b.intake.Redeem(t.Context(), job))
	b.is(1, "removed")
}

func TestRefusedJobsAreRefusedAgain(t *testing.T) {
	t.Parallel()
	b := sent(t)
	job := jobs.Job[jobs.Redeem]{ID: "second", Args: jobs.Redeem{OrganizationID: org, OrganizationUserID: user(1), SponsoredEmail: "other@example.com"}}
	for range 2 {
		if err := b.intake.Redeem(t.Context(), job); !jobs.IsRefused(err) || fault.CodeOf(err) != fault.AlreadySponsoring {
			t.Fatalf("err = %v, want already_sponsoring for good", err)
		}
	}
}
