package intake_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func other(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", 100+n))
}

func redeemOf(id string, user sponsorship.ID) jobs.Job[jobs.Redeem] {
	return jobs.Job[jobs.Redeem]{ID: id, Attempt: 1, Args: jobs.Redeem{OrganizationID: org, OrganizationUserID: user, SponsoredEmail: mum}}
}

func TestFirstRedeemsEndTogetherAndWakeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t).started()
	jobstest.Must(t, b.ledger.Beat(t.Context())) // else it does not know where revisions begin
	all := []jobs.Job[jobs.Redeem]{redeemOf("one", other(1)), redeemOf("two", other(2)), redeemOf("three", other(3))}
	for range 2 { // the queue may deliver them again
		if ended := b.intake.RedeemAll(t.Context(), all); !slices.Equal(ended, []bool{true, true, true}) {
			t.Errorf("ended are %v", ended)
		}
	}
	counts := jobstest.Value(b.ledger.Counts(t.Context(), org))(t)
	jobstest.Equal(t, "pending", counts[sponsorship.Pending], 3)
	if woken := slices.Compact(slices.Clone(b.woken)); len(woken) != 1 {
		t.Errorf("woken are %v, want one generation", b.woken)
	}
}

// What is not a member's first, or waits for another, has to be looked at; what is beside it
// ends.
func TestWhatIsNoFirstRedeemIsLeftToItsOwnHandler(t *testing.T) {
	t.Parallel()
	b := setup(t).started()
	jobstest.Must(t, b.ledger.Beat(t.Context())) // else it does not know where revisions begin
	b.enqueued("ahead", "waits")                 // of the member
	ended := b.intake.RedeemAll(t.Context(), []jobs.Job[jobs.Redeem]{redeemOf("waits", member), redeemOf("beside", other(2))})
	if !slices.Equal(ended, []bool{false, true}) {
		t.Errorf("ended are %v", ended)
	}
	jobstest.Must(t, b.redeem("ahead", mum))
	if ended := b.intake.RedeemAll(t.Context(), []jobs.Job[jobs.Redeem]{redeemOf("waits", member)}); ended[0] {
		t.Error("a second redeem ended as if it were the first")
	}
	jobstest.Must(t, b.redeem("waits", mum))
}

// Its organization would not hear of it.
func TestARedeemThatCouldNotWakeHasNotEnded(t *testing.T) {
	t.Parallel()
	b := setup(t).started()
	jobstest.Must(t, b.ledger.Beat(t.Context())) // else it does not know where revisions begin
	b.broken = errors.New("the queue is away")
	job := redeemOf("one", member)
	if ended := b.intake.RedeemAll(t.Context(), []jobs.Job[jobs.Redeem]{job}); ended[0] {
		t.Error("it has ended")
	}
	b.broken, b.woken = nil, nil
	jobstest.Must(t, b.redeem("one", mum))
	if len(b.woken) != 1 {
		t.Errorf("woken are %v, want the organization once more", b.woken)
	}
}

// A redeem that ends together with others lets the next job of its member go on.
func TestARedeemTogetherCallsTheNextOne(t *testing.T) {
	t.Parallel()
	b := setup(t).started()
	jobstest.Must(t, b.ledger.Beat(t.Context())) // else it does not know where revisions begin
	b.enqueued("one", "two")
	if ended := b.intake.RedeemAll(t.Context(), []jobs.Job[jobs.Redeem]{redeemOf("one", member)}); !ended[0] {
		t.Error("it has not ended")
	}
	jobstest.Must(t, b.change("two", revoke))
	b.is(sponsorship.Removed, sponsorship.Pending, sponsorship.Removed)
}
