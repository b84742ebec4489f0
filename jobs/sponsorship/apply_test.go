package sponsorship_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func (l *life) is(status sponsorship.Status, intent sponsorship.Intent, reason fault.Code) *life {
	l.t.Helper()
	var code fault.Code
	if l.s.Reason != nil {
		code = l.s.Reason.Code
	}
	if l.s.Status != status || l.s.Intent != intent || code != reason {
		l.t.Fatalf("got %s(%s) %q, want %s(%s) %q", l.s.Status, l.s.Intent, code, status, intent, reason)
	}
	return l
}

func TestAnswersToAPlainRow(t *testing.T) {
	t.Parallel()
	begin(t).ask(redeem).answer(row).is(sponsorship.Sent, "", "")
	begin(t).ask(redeem).answer(accepted).is(sponsorship.Redeemed, "", "")
	begin(t).ask(redeem).answer(row).answer(accepted).is(sponsorship.Redeemed, "", "")
	refused := begin(t).ask(redeem).answer(empty).is(sponsorship.Refused, "", fault.NotAccepted)
	refused.answer(row).is(sponsorship.Sent, "", "")
}

func TestAnswersToATombstone(t *testing.T) {
	t.Parallel()
	revoked := func() *life { return begin(t).ask(redeem).answer(row).ask(sponsorship.Revoke{}) }
	revoked().answer(removed).is(sponsorship.Removed, "", "")
	revoked().answer(absent).is(sponsorship.Removed, "", "")
	revoked().answer(accepted).is(sponsorship.Expiring, "", "").answer(absent).is(sponsorship.Removed, "", "")

	// An answer without any row proves little, unless a tombstone was lost before.
	alone := revoked().answer(empty).is(sponsorship.Pending, sponsorship.IntentRevoke, fault.NotAccepted)
	if alone.s.Due() {
		t.Error("a withdrawal the cloud ignored is due at once; want it to wait for a full sync")
	}
	alone.answer(empty).is(sponsorship.Pending, sponsorship.IntentRevoke, fault.NotAccepted)
	revoked().answer(accepted).answer(empty).is(sponsorship.Expiring, "", "")
	neverConfirmed := begin(t).ask(redeem)
	neverConfirmed.leave()
	neverConfirmed.ask(sponsorship.Revoke{}).answer(empty).is(sponsorship.Pending, sponsorship.IntentRevoke, fault.NotAccepted)
	neverConfirmed.answer(empty).is(sponsorship.Removed, "", "")
	lost := revoked()
	lost.leave()
	lost.answer(empty).is(sponsorship.Removed, "", "")
}

func TestChangedAddressAsksThenWithdrawsThenOffers(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: new_})
	asked := l.leave()
	if asked.Tombstone || asked.Email != old {
		t.Fatalf("first step = %+v, want a plain row with the old address", asked)
	}
	l.s = sponsorship.Apply(asked, row, t0)
	withdrawn := l.is(sponsorship.Pending, sponsorship.IntentChange, "").leave()
	if !withdrawn.Tombstone {
		t.Fatalf("second step = %+v, want a tombstone", withdrawn)
	}
	l.s = sponsorship.Apply(withdrawn, removed, t0)
	offered := l.is(sponsorship.Pending, sponsorship.IntentChange, "").leave()
	if offered.Tombstone || offered.Email != new_ {
		t.Fatalf("third step = %+v, want a plain row with the new address", offered)
	}
	l.s = sponsorship.Apply(offered, row, t0)
	l.is(sponsorship.Sent, "", "")
}

func TestChangedAddressLosesToTheRecipient(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: new_}).answer(accepted)
	l.is(sponsorship.Redeemed, "", fault.AlreadyRedeemed)
	if l.s.Email != old || l.s.Name != old {
		t.Errorf("address = %q, label %q, want the ones that were redeemed", l.s.Email, l.s.Name)
	}
	l.answer(accepted).is(sponsorship.Redeemed, "", fault.AlreadyRedeemed)
}

func TestOldAnswerIsNoLeaveToWithdraw(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: new_}).answer(row)
	if out, _ := sponsorship.Plan(l.s, t0.Add(2*time.Minute)); out.Tombstone {
		t.Error("a tombstone follows a question that was answered two minutes ago; want the question again")
	}
}

func TestChangeBackAfterALostTombstoneStillWithdraws(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: new_}).answer(row)
	l.leave() // the tombstone, its answer lost
	l.ask(sponsorship.Change{Email: old})
	if out := l.leave(); !out.Tombstone {
		t.Fatal("the cloud may have deleted the row; want the tombstone again")
	}
	l.answer(absent).answer(row).is(sponsorship.Sent, "", "")
}

func TestLapse(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	redeemed := begin(t).ask(redeem).answer(accepted).s
	asked := redeemed
	later := until.Add(31 * day)
	asked.LastSyncAt = &later
	for name, c := range map[string]struct {
		s    sponsorship.Sponsorship
		now  time.Time
		want bool
	}{
		"within 30 days":                {asked, until.Add(29 * day), false},
		"over, and asked since":         {asked, until.Add(32 * day), true},
		"over, not asked: may renew":    {redeemed, until.Add(32 * day), false},
		"over, not asked: maybe purged": {redeemed, until.Add(91 * day), true},
	} {
		got, lapsed := sponsorship.Lapse(c.s, c.now, c.now)
		if lapsed != c.want || lapsed != (got.Status == sponsorship.Expired) {
			t.Errorf("%s: lapsed = %v (%s), want %v", name, lapsed, got.Status, c.want)
		}
	}
}

func TestRedeemBehindAFormerSponsorshipWaitsForThePurge(t *testing.T) {
	t.Parallel()
	past := t0.Add(-31 * 24 * time.Hour)
	over := sponsorship.Answer{Present: true, Others: true, ValidUntil: &past}
	l := begin(t).ask(redeem).answer(accepted).answer(over).is(sponsorship.Expired, "", "")
	l.ask(sponsorship.Redeem{Email: new_}).answer(over).is(sponsorship.Refused, "", fault.NotAccepted)
	l.answer(over).is(sponsorship.Refused, "", fault.NotAccepted)
	l.answer(row).is(sponsorship.Sent, "", "") // purged there, and offered anew
}

func TestARowThatTheCloudKnowsKeepsItsStatusWhenLeftOut(t *testing.T) {
	t.Parallel()
	sent := begin(t).ask(redeem).answer(row)
	before := sent.s
	if sent.answer(empty).is(sponsorship.Sent, "", ""); sent.s != before {
		t.Errorf("an answer that says nothing changed %+v to %+v", before, sent.s)
	}
	redeemed := begin(t).ask(redeem).answer(accepted).answer(empty).is(sponsorship.Redeemed, "", "")
	if _, lapsed := sponsorship.Lapse(redeemed.s, until.Add(91*24*time.Hour), t0); !lapsed {
		t.Error("the cloud may have purged it, and would create and mail it anew")
	}
	changed := begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: new_}).answer(empty)
	changed.is(sponsorship.Pending, sponsorship.IntentChange, fault.PlanNotEligible)
	if changed.s.Due() {
		t.Error("it is due at once; want it to wait for a full sync")
	}
	changed.answer(row).is(sponsorship.Pending, sponsorship.IntentChange, "")
}

func TestAnOfferThatPerhapsWasNeverMailedSaysSo(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(redeem)
	l.leave() // no answer
	l.answer(row).is(sponsorship.Sent, "", fault.MailUncertain)
	l.answer(row).is(sponsorship.Sent, "", fault.MailUncertain)
	l.ask(sponsorship.Change{Name: "label"}).answer(row).is(sponsorship.Sent, "", fault.MailUncertain)
	redeemed := *l
	redeemed.answer(accepted).is(sponsorship.Redeemed, "", "")
	l.ask(sponsorship.Resend{}).answer(row).answer(removed).answer(row).is(sponsorship.Sent, "", "")

	refused := begin(t).ask(redeem)
	refused.leave()
	refused.answer(empty).is(sponsorship.Refused, "", fault.NotAccepted) // by a plan that may not sponsor; the row may be there
	refused.answer(row).is(sponsorship.Sent, "", fault.MailUncertain)
}

func TestResendWithdrawsAndOffersAgain(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(redeem).answer(row).ask(sponsorship.Resend{}).is(sponsorship.Pending, sponsorship.IntentChange, "")
	for i, tombstone := range []bool{false, true, false} { // asks whether it was redeemed, withdraws, offers
		out := l.leave()
		if out.Tombstone != tombstone || out.Email != old {
			t.Fatalf("step %d goes out as %q, tombstone %v", i, out.Email, out.Tombstone)
		}
		answer := row
		answer.Removed = tombstone
		l.s = sponsorship.Apply(out, answer, t0)
	}
	l.is(sponsorship.Sent, "", "").answer(row).is(sponsorship.Sent, "", "")

	late := begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: "OLD@example.com"}).ask(sponsorship.Resend{})
	late.answer(accepted).is(sponsorship.Redeemed, "", fault.AlreadyRedeemed).answer(accepted)
	if late.s.Email != "OLD@example.com" {
		t.Errorf("shows %q, want the spelling that was asked for", late.s.Email)
	}
}

func TestALostRedemptionIsOfferedAnewOnlyOnceByItself(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(redeem).answer(accepted).answer(row).is(sponsorship.Sent, "", fault.OfferRecreated)
	if !l.s.Withheld() {
		t.Fatal("the next sync would mail again if the cloud lost it again")
	}
	for name, request := range map[string]sponsorship.Request{
		"resend": sponsorship.Resend{}, "change": sponsorship.Change{Name: "label"}, "revoke": sponsorship.Revoke{},
	} {
		word := *l
		if word.ask(request); word.s.Withheld() || !word.s.Due() {
			t.Errorf("%s is no person's word", name)
		}
	}
	l.answer(row).is(sponsorship.Sent, "", "") // a sync by hand
	if l.s.Withheld() {
		t.Error("withheld although a person asked for it")
	}
}

func TestAWithdrawalThatIsNeverAnsweredComesToAnEnd(t *testing.T) {
	t.Parallel()
	silence := func(l *life, times int, a sponsorship.Answer) *life {
		for range times {
			l.answer(a)
		}
		return l
	}
	revoked := begin(t).ask(redeem).answer(row).ask(sponsorship.Revoke{})
	silence(revoked, 6, empty).is(sponsorship.Pending, sponsorship.IntentRevoke, fault.NotAccepted)
	revoked.answer(empty).is(sponsorship.Removed, "", fault.NotAccepted)
	revoked.ask(sponsorship.Redeem{Email: new_})
	if out := revoked.leave(); !out.Tombstone || out.Email != old {
		t.Errorf("the next offer begins with %+v, want the withdrawal once more: the cloud may hold the row after all", out)
	}
	revoked.answer(empty).answer(row).is(sponsorship.Sent, "", "")
	if revoked.s.Email != new_ || revoked.s.Wire.Offered != new_ {
		t.Errorf("offered to %q", revoked.s.Wire.Offered)
	}

	ending := begin(t).ask(redeem).answer(accepted).ask(sponsorship.Revoke{}).answer(accepted)
	silence(ending, 6, empty).is(sponsorship.Expiring, "", "").answer(empty).is(sponsorship.Removed, "", fault.NotAccepted)

	changed := begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: new_}).answer(row)
	silence(changed, 7, empty).is(sponsorship.Pending, sponsorship.IntentChange, "")
	changed.answer(row).is(sponsorship.Sent, "", "")

	// A plan that may not sponsor explains the silence: the offer is still there.
	lapsed := begin(t).ask(redeem).answer(row).ask(sponsorship.Revoke{})
	silence(lapsed, 20, sponsorship.Answer{Ineligible: true}).is(sponsorship.Pending, sponsorship.IntentRevoke, fault.NotAccepted)
}

func TestAPoisonedRowThatTheCloudKnowsKeepsItsStatus(t *testing.T) {
	t.Parallel()
	for name, reach := range map[string]func() *life{
		"sent":            func() *life { return begin(t).ask(redeem).answer(row) },
		"redeemed":        func() *life { return begin(t).ask(redeem).answer(accepted) },
		"pending(revoke)": func() *life { return begin(t).ask(redeem).answer(row).ask(sponsorship.Revoke{}) },
		"never confirmed, pending(revoke)": func() *life {
			l := begin(t).ask(redeem)
			l.leave()
			return l.ask(sponsorship.Revoke{})
		},
	} {
		l := reach()
		status, intent := l.s.Status, l.s.Intent
		l.s = sponsorship.Poisoned(l.leave(), t0)
		l.is(status, intent, fault.NotAccepted)
		if out := l.leave(); !out.Alone {
			t.Errorf("%s: it shares a request", name)
		}
	}
	cured := begin(t).ask(redeem).answer(accepted)
	cured.s = sponsorship.Poisoned(cured.leave(), t0)
	cured.answer(accepted).is(sponsorship.Redeemed, "", "")
}

func TestPoisonedRowTravelsAlone(t *testing.T) {
	t.Parallel()
	l := begin(t).ask(redeem)
	l.s = sponsorship.Poisoned(l.leave(), t0)
	l.is(sponsorship.Refused, "", fault.NotAccepted)
	if out, ok := sponsorship.Plan(l.s, t0); !ok || !out.Alone {
		t.Fatal("a poisoned row shares a request")
	}
	recovered := begin(t)
	recovered.s = l.s
	recovered.answer(row).is(sponsorship.Sent, "", fault.MailUncertain)
	if out, _ := sponsorship.Plan(recovered.s, t0); out.Alone {
		t.Fatal("a row that the cloud took is still kept alone")
	}
	l.ask(sponsorship.Change{Name: "harmless"})
	if out := l.leave(); !out.Tombstone {
		t.Fatal("the cloud inserted the row without mailing it; want it withdrawn first")
	}
	l.answer(removed).answer(row).is(sponsorship.Sent, "", "")
}

func TestCompareTellsStatusChangesFromRefreshes(t *testing.T) {
	t.Parallel()
	sent := begin(t).ask(redeem).answer(row)
	before := sent.s
	if sponsorship.Compare(before, sent.answer(row).s).Changed {
		t.Error("a refresh of dates is announced")
	}
	if tr := sponsorship.Compare(before, sent.answer(accepted).s); !tr.Changed || tr.From != sponsorship.Sent || tr.To != sponsorship.Redeemed {
		t.Errorf("transition = %+v, want sent to redeemed", tr)
	}
}
