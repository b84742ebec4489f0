package sponsorship_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

var adopt = sponsorship.Adopt{Email: old, Name: "Mum"}

func TestAnAdoptedSponsorshipGoesOutAsOneThatWasOffered(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(adopt)
	if !l.s.Due() || !l.s.AtCloud() {
		t.Fatalf("%+v is not due, or not taken for one that the cloud has", l.s)
	}
	out := l.leave()
	if out.Tombstone || out.Email != old || out.Name != "Mum" || out.Marked.Wire.Unsure {
		t.Fatalf("goes out as %+v, want the plain row, of which nothing is uncertain", out)
	}
	for name, c := range map[string]struct {
		answer sponsorship.Answer
		want   sponsorship.Status
		reason fault.Code
	}{
		"the cloud has it":            {row, sponsorship.Sent, ""},
		"and it was accepted":         {accepted, sponsorship.Redeemed, ""},
		"left out among others":       {absent, sponsorship.Refused, fault.NotAccepted},
		"left out as everything is":   {empty, sponsorship.Pending, fault.PlanNotEligible},
		"left out as one that it had": {sponsorship.Answer{Others: true, Ineligible: true}, sponsorship.Pending, fault.PlanNotEligible},
	} {
		after := sponsorship.Apply(out, c.answer, t0)
		if after.Status != c.want || code(after.Reason) != c.reason {
			t.Errorf("%s: %s, %+v, want %s (%q)", name, after.Status, after.Reason, c.want, c.reason)
		}
		if held := after.AtCloud(); held == (c.want == sponsorship.Refused) {
			t.Errorf("%s: taken for one that the cloud has: %v", name, held)
		}
	}
}

// A lost answer proves nothing about the mail: whoever told the cloud first had it
// mailed.
func TestALostAnswerMakesNoAdoptedSponsorshipUncertain(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(adopt)
	l.leave()
	if s := l.answer(row).s; s.Status != sponsorship.Sent || s.Reason != nil {
		t.Errorf("%s, %+v, want it sent and nothing to tell", s.Status, s.Reason)
	}
}

func TestAnAdoptedWithdrawalIsATombstone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer sponsorship.Answer
		want   sponsorship.Status
		intent sponsorship.Intent
	}{
		"the cloud had it":             {removed, sponsorship.Removed, ""},
		"the cloud had it no more":     {absent, sponsorship.Removed, ""},
		"it is in use":                 {accepted, sponsorship.Expiring, ""},
		"an answer that proves little": {empty, sponsorship.Pending, sponsorship.IntentRevoke},
	} {
		l := begin(t).ask(sponsorship.Adopt{Email: old, Revoke: true, Unconfirmed: true})
		if l.s.Intent != sponsorship.IntentAdopt || !l.s.Due() || l.s.Reason != nil {
			t.Fatalf("%+v, want it pending to be adopted, and due", l.s)
		}
		out := l.leave()
		if !out.Tombstone || l.s.Intent != sponsorship.IntentAdopt {
			t.Fatalf("goes out as %+v", out)
		}
		after := sponsorship.Apply(out, c.answer, t0)
		if after.Status != c.want || after.Intent != c.intent || after.Wire.Leaving || after.Wire.Unconfirmed {
			t.Errorf("%s: %+v, want %s (%s)", name, after, c.want, c.intent)
		}
	}
}

// One silence must not end what the cloud probably holds: a plan that may not
// sponsor is silent, too.
func TestAnAdoptedWithdrawalOutlastsAFewSilences(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(sponsorship.Adopt{Email: old, Revoke: true}).answer(empty).answer(empty)
	if l.s.Status != sponsorship.Pending {
		t.Fatalf("%s after two silences, want it pending", l.s.Status)
	}
	if l.answer(removed); l.s.Status != sponsorship.Removed {
		t.Errorf("%s, want it removed", l.s.Status)
	}
}

// unconfirmed stays until the offer is accepted, or is no more.
func TestAnUnconfirmedRecipientIsShownUntilKnown(t *testing.T) {
	t.Parallel()
	undated := sponsorship.Adopt{Email: old, Unconfirmed: true}
	sent := func() *life { return begin(t).ask(undated).answer(row) }
	for name, s := range map[string]sponsorship.Sponsorship{
		"pending":          begin(t).ask(undated).s,
		"sent":             sent().s,
		"synced again":     sent().answer(row).s,
		"with a new label": sent().ask(sponsorship.Change{Name: "Dad"}).answer(row).s,
	} {
		if code(s.Reason) != fault.RecipientUnconfirmed {
			t.Errorf("%s: %+v, want recipient_unconfirmed", name, s.Reason)
		}
	}
	if s := begin(t).ask(undated).s; !s.Due() {
		t.Error("it is not sent although only its recipient is uncertain")
	}
	again := sent()
	again.answer(row)
	if before := sent().s; !sponsorship.Refreshed(before, again.s) {
		t.Error("a sync that only confirms it is written down")
	}
	replaced := sent().ask(sponsorship.Change{Email: new_}).answer(row).answer(removed).answer(row)
	resent := sent().ask(sponsorship.Resend{}).answer(row).answer(removed).answer(row)
	for name, s := range map[string]sponsorship.Sponsorship{
		"accepted": sent().answer(accepted).s, "replaced": replaced.s, "sent again": resent.s,
	} {
		if s.Reason != nil || s.Wire.Unconfirmed {
			t.Errorf("%s: %s %+v, want nothing uncertain any more", name, s.Status, s.Reason)
		}
	}
}

// A request that got no answer hides the reason for a while, and no longer.
func TestAnUnconfirmedRecipientIsShownAgainAfterAWait(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(sponsorship.Adopt{Email: old, Unconfirmed: true})
	l.leave()
	l.s, _ = sponsorship.Held(l.s, t0.Add(time.Minute), t0)
	if l.answer(row); code(l.s.Reason) != fault.RecipientUnconfirmed {
		t.Errorf("%+v, want recipient_unconfirmed", l.s.Reason)
	}
}

func TestAWithdrawalBeforeTheFirstSyncOfAnAdoptedOneReachesTheCloud(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(adopt).ask(sponsorship.Revoke{})
	if out := l.leave(); !out.Tombstone {
		t.Errorf("goes out as %+v, want a tombstone", out)
	}
}

func code(r *sponsorship.Reason) fault.Code {
	if r == nil {
		return ""
	}
	return r.Code
}
