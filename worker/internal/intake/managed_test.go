package intake_test

import (
	"context"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func (b *bundle) adoptBy(ctx context.Context, jobID string) error {
	return b.intake.Adopt(ctx, jobs.Job[jobs.Adopt]{ID: jobID, Args: jobs.Adopt{
		OrganizationID: org, OrganizationUserID: member, SponsoredEmail: mum,
	}})
}

func TestWhatTheBridgeTookOverIsChangedInTheVaultOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.adoptBy(origin.WithUndated(t.Context()), "one"))
	found := jobstest.Value(b.ledger.Get(t.Context(), org, member))(t)
	if s := found[0]; !s.Vault || s.Reason == nil || s.Reason.Code != fault.RecipientUnconfirmed {
		t.Errorf("%+v, want it managed by the vault, and its recipient unconfirmed", s)
	}
	refused(t, b.redeem("two", mum), fault.ManagedByVault)
	refused(t, b.change("three", func(a *jobs.ChangeSponsorship) { a.FriendlyName = "Mum" }), fault.ManagedByVault)
	jobstest.Must(t, b.change("four", revoke))
	b.is(sponsorship.Pending, sponsorship.Pending, sponsorship.Pending)
}

func TestTheBridgeTakesOnWhatSomebodyTyped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.redeem("one", mum))
	jobstest.Must(t, b.adoptBy(origin.WithBridge(t.Context()), "two"))
	b.is(sponsorship.Pending, sponsorship.Pending) // nothing more is told
	found := jobstest.Value(b.ledger.Get(t.Context(), org, member))(t)
	if s := found[0]; !s.Vault || s.Intent != sponsorship.IntentRedeem || s.JobID != "one" {
		t.Errorf("%+v, want only its manager another", s)
	}
	jobstest.Must(t, b.ledger.Unlink(origin.WithBridge(t.Context()), org, member))
	jobstest.Must(t, b.redeem("three", "dad@example.com")) // nothing has left yet: it is corrected in place
}
