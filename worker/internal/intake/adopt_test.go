package intake_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func (b *bundle) adopt(jobID, email string) error {
	return b.intake.Adopt(b.Context(), jobs.Job[jobs.Adopt]{ID: jobID, Args: jobs.Adopt{
		OrganizationID: org, OrganizationUserID: member, SponsoredEmail: email, AdminInitiated: true,
	}})
}

func TestAnAdoptionIsStoredUnderTheKeyThatTheCloudKnows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 { // delivered twice
		jobstest.Must(t, b.adopt("job", mum))
	}
	b.is(sponsorship.Pending, sponsorship.Pending)
	found, err := b.ledger.Get(t.Context(), org, member)
	jobstest.Must(t, err)
	if s := found[0]; s.Intent != sponsorship.IntentAdopt || !s.AdminInitiated || s.Email != mum {
		t.Errorf("%+v, want an admin-initiated one, to be adopted", s)
	}
}

func TestAnAdoptionOfWhatTheLedgerHasIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.redeem("one", mum))
	refused(t, b.adopt("two", mum), fault.AlreadySponsoring)
	b.is(sponsorship.Pending, sponsorship.Pending)
}
