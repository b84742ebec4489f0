package sponsorship_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestHeldSaysWhyAndUntilWhen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	until := now.Add(6 * time.Minute)
	wish := func(s sponsorship.Sponsorship, r sponsorship.Request) sponsorship.Sponsorship {
		next, changed, err := sponsorship.Decide(s, r, sponsorship.Stamp{Now: now})
		if err != nil || !changed {
			t.Fatalf("%T: %v", r, err)
		}
		return next
	}
	left, _ := sponsorship.Plan(wish(sponsorship.Sponsorship{}, sponsorship.Redeem{Email: "a@example.com"}), now)
	held, ok := sponsorship.Held(left.Marked, until, now)
	if !ok || held.Status != sponsorship.Pending || !held.Due() || held.Revision != left.Marked.Revision+1 {
		t.Fatalf("held %v: %+v", ok, held)
	}
	if r := held.Reason; r.Code != fault.CloudUnavailable || !strings.Contains(r.Message, "2026-11-24T12:06:00Z") || strings.Contains(r.Message, "@") {
		t.Errorf("reason %+v, want the code, the time and no address", r)
	}

	revoked := wish(held, sponsorship.Revoke{})
	if revoked.Intent != sponsorship.IntentRevoke || revoked.Reason == nil || !revoked.Due() {
		t.Errorf("a revocation of a held offer is %+v, want it to wait and say so", revoked)
	}
	again, _ := sponsorship.Plan(held, until)
	if again.Marked.Reason != nil || !again.Marked.Due() {
		t.Errorf("sent again it is %+v, want one that waits for its answer only", again.Marked)
	}
	if sent := sponsorship.Apply(again, sponsorship.Answer{Present: true}, until); sent.Status != sponsorship.Sent {
		t.Errorf("answered it is %+v", sent)
	}
	sent := held
	sent.Status = sponsorship.Sent
	if _, ok := sponsorship.Held(sent, until, now); ok {
		t.Error("what is not pending waits for nothing")
	}
}
