package reconcile_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

const day = 24 * time.Hour

func (b *bundle) plan(planType int) {
	b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.PlanType = planType })
}

func resend(a *jobs.ChangeSponsorship) { a.Resend = true }

func TestAPlanThatMayNoLongerSponsorIsNamedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	b := sent(t)
	before := b.get(1)
	b.plan(cloudtest.PlanTeams)
	for range 2 {
		if err := b.full(); !jobs.IsPermanent(err) || fault.CodeOf(err) != fault.PlanNotEligible {
			t.Fatalf("a person's sync: %v, want plan_not_eligible for good", err)
		}
	}
	if after := b.get(1); after.Revision != before.Revision {
		t.Errorf("an answer that says nothing was stored: %+v", after)
	}
	b.redeem(3)
	b.mustPending() // knows nothing of the plan
	b.is(3, "refused not_accepted")
	b.lastError(fault.PlanNotEligible)
	o := b.organization()
	if o.Paused != "" || o.RetryAt != nil || o.NextSyncAt == nil || !o.NextSyncAt.After(b.now()) {
		t.Errorf("organization = %+v, want the next sync at its usual time", o)
	}
	b.plan(cloudtest.PlanEnterprise)
	b.mustFull()
	b.is(1, "sent")
	b.is(3, "sent")
	b.lastError("")
	told := 0
	for _, e := range b.syncEvents() {
		if e.Data.Error != nil && e.Data.Error.Code == fault.PlanNotEligible {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}
}

func TestAPendingAnswerProvesThePlanAgain(t *testing.T) {
	t.Parallel()
	b := sent(t)
	b.plan(cloudtest.PlanTeams)
	_ = b.full()
	b.plan(cloudtest.PlanEnterprise)
	b.redeem(3)
	b.mustPending()
	b.lastError("")
}

func TestA500AfterTheInsertLeavesANoteUntilTheOfferIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	b.cloud.Inject(cloudtest.UnmailedError().Times(1))
	if fault.CodeOf(b.pending()) != fault.CloudUnavailable {
		t.Fatal("the 500 was not seen")
	}
	b.clockOff.Add(int64(time.Hour))
	b.mustPending()
	b.is(1, "sent mail_uncertain")
	b.mustFull()
	b.is(1, "sent mail_uncertain")
	if b.mails(1) != 0 {
		t.Fatal("the simulated cloud mailed it after all")
	}
	jobstest.Must(t, b.change(1, resend))
	b.mustPending()
	b.is(1, "sent")
	if b.mails(1) != 1 {
		t.Fatalf("%d mails after --resend, want 1", b.mails(1))
	}
	b.checkTombstones()
}

func TestARedemptionThatTheCloudLostIsNotMailedTwice(t *testing.T) {
	t.Parallel()
	b := redeemed(t)
	lose := func() {
		jobstest.Must(t, b.cloud.Age(b.remote.ID, string(user(1)), 1000*day))
		if b.cloud.Purge() != 1 {
			t.Fatal("the cloud lost nothing")
		}
	}
	lose()
	b.clockOff.Add(int64(day))
	b.mustFull() // nobody can know before
	b.is(1, "sent offer_recreated")
	if b.mails(1) != 2 {
		t.Fatalf("%d mails, want the first and the cloud's own", b.mails(1))
	}
	jobstest.Must(t, b.cloud.Revoke(b.remote.ID, string(user(1)))) // lost again
	for range 3 {
		b.clockOff.Add(int64(day))
		b.mustScheduled()
	}
	b.is(1, "sent offer_recreated")
	if b.mails(1) != 2 {
		t.Fatalf("%d mails without a person's word", b.mails(1))
	}
	b.mustFull() // by hand
	b.is(1, "sent")
	if b.mails(1) != 3 {
		t.Errorf("%d mails, want one more for the sync by hand", b.mails(1))
	}
}

func TestTheOnlySponsorshipRevokedOnBothSidesComesToAnEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.mustFull()
	jobstest.Must(t, b.cloud.Revoke(b.remote.ID, string(user(1))))
	jobstest.Must(t, b.change(1, revoke))
	b.mustPending()
	for range 5 {
		b.clockOff.Add(int64(day))
		b.mustScheduled()
		b.is(1, "pending(revoke) not_accepted")
	}
	b.clockOff.Add(int64(day))
	b.mustScheduled()
	b.is(1, "removed not_accepted")
	b.redeem(1)
	b.mustPending()
	b.is(1, "sent")
}

func TestAChangeOfCaseSendsNothing(t *testing.T) {
	t.Parallel()
	b := sent(t)
	before := len(b.cloud.SyncRequests())
	told := len(b.outbox())
	jobstest.Must(t, b.change(1, readdress("Member1@Example.com")))
	b.mustPending()
	if s := b.get(1); s.Email != "Member1@Example.com" || describe(s) != "sent" {
		t.Errorf("shown as %q, %s", s.Email, describe(s))
	}
	if len(b.cloud.SyncRequests()) != before || len(b.outbox()) != told {
		t.Error("something was sent or told")
	}
	b.mustFull()
	for _, row := range b.cloud.SyncRequests()[before].Rows {
		if row.OrganizationUserID == string(user(1)) && *row.OfferedToEmail != address(1) {
			t.Errorf("the wire carries %q, want what was offered", *row.OfferedToEmail)
		}
	}
}
