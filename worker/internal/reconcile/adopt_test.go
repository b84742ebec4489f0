package reconcile_test

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

func (b *bundle) adopt(n int, edit func(*jobs.Adopt)) error {
	args := jobs.Adopt{OrganizationID: org, OrganizationUserID: user(n), SponsoredEmail: address(n)}
	edit(&args)
	return b.intake.Adopt(b.t.Context(), jobs.Job[jobs.Adopt]{ID: b.jobID(), Args: args})
}

func asItIs(*jobs.Adopt)    {}
func leaving(a *jobs.Adopt) { a.Revoke = true }

// offered is what another program has told the cloud.
func (b *bundle) offered(n int) {
	b.cloud.Offer(cloudtest.Row{OrganizationID: b.remote.ID, OrganizationUserID: string(user(n)), OfferedToEmail: address(n), LastSyncDate: b.now()})
}

func TestTheFirstSyncMailsNobodyWhomTheCloudKnows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := 1; n <= 4; n++ {
		b.offered(n)
	}
	_, err := b.cloud.Accept(b.remote.ID, string(user(2)))
	jobstest.Must(t, err)
	for n, how := range map[int]func(*jobs.Adopt){1: asItIs, 2: asItIs, 3: leaving, 4: leaving, 5: asItIs, 6: leaving} {
		jobstest.Must(t, b.adopt(n, how))
	}
	_, err = b.cloud.Accept(b.remote.ID, string(user(4)))
	jobstest.Must(t, err)
	jobstest.Must(t, b.pending())
	for n := 1; n <= 6; n++ {
		b.is(n, "pending(adopt)")
	}
	b.mustFull()
	for n, want := range map[int]string{1: "sent", 2: "redeemed", 3: "removed", 4: "expiring", 5: "sent", 6: "removed"} {
		b.is(n, want)
		mails := 1
		if n == 6 {
			mails = 0 // the cloud never had it
		}
		jobstest.Equal(t, "mails", b.mails(n), mails)
	}
	if n := b.cloud.RowCount(b.remote.ID, string(user(3))); n != 0 {
		t.Errorf("the cloud still has what was to be withdrawn, %d times", n)
	}
}

// The cloud leaves out what it lacks from an organization that may not sponsor, and
// what it has as well.
func TestAnAdoptedSponsorshipOutlastsAPlanThatMayNotSponsor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.offered(1)
	b.plan(cloudtest.PlanTeams)
	jobstest.Must(t, b.adopt(1, asItIs))
	if err := b.full(); fault.CodeOf(err) != fault.PlanNotEligible {
		t.Errorf("err = %v, want plan_not_eligible", err)
	}
	b.is(1, "pending(adopt) plan_not_eligible")
	b.plan(cloudtest.PlanEnterprise)
	b.mustFull()
	b.is(1, "sent")
	jobstest.Equal(t, "mails", b.mails(1), 1)
}

// Nobody knows whether a request without an answer brought the row: it does not
// leave again before that one has certainly ended.
func TestAnAdoptedSponsorshipThatTheCloudLackedIsNotOfferedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.adopt(1, asItIs))
	b.cloud.Inject(cloudtest.LostAnswer())
	if err := b.full(); err == nil {
		t.Fatal("the answer was not lost")
	}
	b.is(1, "pending(adopt) cloud_unavailable")
	b.afterGrace()
	b.mustFull()
	b.is(1, "sent")
	jobstest.Equal(t, "mails", b.mails(1), 1)
}

// elsewhere is the same organization on an empty ledger, and the same cloud.
func (b *bundle) elsewhere() *bundle {
	b.t.Helper()
	other := &bundle{t: b.t, cloud: b.cloud, remote: b.remote, params: b.params}
	other.rdb = redis.NewClient(&redis.Options{Addr: miniredis.RunT(b.t).Addr()})
	b.t.Cleanup(func() { _ = other.rdb.Close() })
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(b.t, err)
	other.ledger = ledger.New(other.rdb, sealer)
	other.clockOff.b = other
	other.intake = newIntake(other)
	jobstest.Must(b.t, other.ledger.Connect(b.t.Context(), org, b.connection()))
	return other.with(func(p *reconcile.Params) { p.Ledger = other.ledger })
}

func TestAHandoverToAnotherLedgerMailsNobodyAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := 1; n <= 6; n++ {
		b.redeem(n)
	}
	b.mustFull()
	_, err := b.cloud.Accept(b.remote.ID, string(user(2)))
	jobstest.Must(t, err)
	_, err = b.cloud.Accept(b.remote.ID, string(user(3)))
	jobstest.Must(t, err)
	jobstest.Must(t, b.change(3, revoke))
	b.mustFull()
	jobstest.Must(t, b.change(4, revoke))
	jobstest.Must(t, b.change(5, readdress("another@example.com")))
	jobstest.Must(t, b.change(6, resend))
	b.redeem(7) // of which the cloud never heard
	mailed := len(b.cloud.Mails())

	other := b.elsewhere()
	for n := 1; n <= 7; n++ {
		as, whole, living := sponsorship.Handover(b.get(n))
		if !living || whole != (n != 5 && n != 6) {
			t.Errorf("%d: living %v, whole %v", n, living, whole)
		}
		jobstest.Must(t, other.adopt(n, func(a *jobs.Adopt) { a.SponsoredEmail, a.FriendlyName, a.Revoke = as.Email, as.Name, as.Revoke }))
	}
	other.mustFull()
	for n, want := range map[int]string{1: "sent", 2: "redeemed", 3: "expiring", 4: "removed", 5: "sent", 6: "sent", 7: "sent"} {
		other.is(n, want)
	}
	if got := other.get(5).Email; got != address(5) {
		t.Errorf("taken over with %s, want the address that the cloud has", got)
	}
	jobstest.Equal(t, "mails since", len(b.cloud.Mails())-mailed, 1)
	jobstest.Equal(t, "mails to who was waiting to be offered one", b.mails(7), 1)
}
