package sponsorship_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	org  = sponsorship.ID("00000000-0000-4000-8000-0000000000aa")
	user = sponsorship.ID("00000000-0000-4000-8000-000000000001")
	old  = "old@example.com"
	new_ = "new@example.com"
)

var t0 = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// life walks a sponsorship through decisions and answers; it is how the tests
// reach a state, so that no state is made up.
type life struct {
	t *testing.T
	s sponsorship.Sponsorship
}

func begin(t *testing.T) *life {
	return &life{t: t, s: sponsorship.Sponsorship{OrganizationID: org, UserID: user}}
}

func (l *life) ask(r sponsorship.Request) *life {
	l.t.Helper()
	next, _, err := sponsorship.Decide(l.s, r, sponsorship.Stamp{Now: t0, JobID: "job"})
	if err != nil {
		l.t.Fatalf("decide %T: %v", r, err)
	}
	l.s = next
	return l
}

// leave marks the row as sent, and loses the answer.
func (l *life) leave() sponsorship.Outgoing {
	l.t.Helper()
	out, ok := sponsorship.Plan(l.s, t0)
	if !ok {
		l.t.Fatalf("nothing to send for %+v", l.s)
	}
	l.s = out.Marked
	return out
}

func (l *life) answer(a sponsorship.Answer) *life {
	l.t.Helper()
	l.s = sponsorship.Apply(l.leave(), a, t0)
	return l
}

var (
	until    = t0.Add(300 * 24 * time.Hour)
	row      = sponsorship.Answer{Present: true, Others: true}
	accepted = sponsorship.Answer{Present: true, Others: true, ValidUntil: &until}
	removed  = sponsorship.Answer{Present: true, Others: true, Removed: true}
	absent   = sponsorship.Answer{Others: true}
	empty    = sponsorship.Answer{}
	redeem   = sponsorship.Redeem{Email: old}
)

// states are all rows of the table "the sponsorship's life".
func states() map[string]func(*testing.T) sponsorship.Sponsorship {
	return map[string]func(*testing.T) sponsorship.Sponsorship{
		"none":    func(t *testing.T) sponsorship.Sponsorship { return begin(t).s },
		"removed": func(t *testing.T) sponsorship.Sponsorship { return begin(t).ask(redeem).ask(sponsorship.Revoke{}).s },
		"expired": func(t *testing.T) sponsorship.Sponsorship {
			past := t0.Add(-31 * 24 * time.Hour)
			return begin(t).ask(redeem).answer(accepted).answer(sponsorship.Answer{Present: true, ValidUntil: &past}).s
		},
		"pending(redeem)": func(t *testing.T) sponsorship.Sponsorship { return begin(t).ask(redeem).s },
		"pending(redeem) attempted": func(t *testing.T) sponsorship.Sponsorship {
			l := begin(t).ask(redeem)
			l.leave()
			return l.s
		},
		"sent": func(t *testing.T) sponsorship.Sponsorship { return begin(t).ask(redeem).answer(row).s },
		"pending(change)": func(t *testing.T) sponsorship.Sponsorship {
			return begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: "mid@example.com"}).s
		},
		"redeemed": func(t *testing.T) sponsorship.Sponsorship { return begin(t).ask(redeem).answer(accepted).s },
		"pending(revoke)": func(t *testing.T) sponsorship.Sponsorship {
			return begin(t).ask(redeem).answer(row).ask(sponsorship.Revoke{}).s
		},
		"expiring": func(t *testing.T) sponsorship.Sponsorship {
			return begin(t).ask(redeem).answer(accepted).ask(sponsorship.Revoke{}).answer(accepted).s
		},
		"pending(adopt)": func(t *testing.T) sponsorship.Sponsorship { return begin(t).ask(sponsorship.Adopt{Email: old}).s },
		"pending(adopt), to be withdrawn": func(t *testing.T) sponsorship.Sponsorship {
			return begin(t).ask(sponsorship.Adopt{Email: old, Revoke: true}).s
		},
		"refused": func(t *testing.T) sponsorship.Sponsorship { return begin(t).ask(redeem).answer(empty).s },
		"refused, perhaps there": func(t *testing.T) sponsorship.Sponsorship {
			l := begin(t).ask(redeem)
			l.leave()
			return l.answer(empty).s
		},
	}
}

// outcome is a cell of the table: a refusal, or the state after it.
type outcome struct {
	code    fault.Code
	same    bool
	status  sponsorship.Status
	intent  sponsorship.Intent
	address string
}

func TestDecideTable(t *testing.T) {
	t.Parallel()
	no := func(c fault.Code) outcome { return outcome{code: c} }
	same := outcome{same: true}
	to := func(s sponsorship.Status, i sponsorship.Intent, address string) outcome {
		return outcome{status: s, intent: i, address: address}
	}
	const (
		pending = sponsorship.Pending
		r, c, v = sponsorship.IntentRedeem, sponsorship.IntentChange, sponsorship.IntentRevoke
		a       = sponsorship.IntentAdopt
	)
	inputs := map[string]sponsorship.Request{
		"redeem same":  redeem,
		"redeem other": sponsorship.Redeem{Email: new_},
		"new address":  sponsorship.Change{Email: new_},
		"new label":    sponsorship.Change{Name: "label"},
		"revoke":       sponsorship.Revoke{},
		"resend":       sponsorship.Resend{},
		"adopt":        sponsorship.Adopt{Email: old},
	}
	missing := no(fault.SponsorshipNotFound)
	fresh := map[string]outcome{
		"redeem same": to(pending, r, old), "redeem other": to(pending, r, new_),
		"new address": missing, "new label": missing, "revoke": missing, "resend": missing,
		"adopt": to(pending, a, old),
	}
	leaving := map[string]outcome{
		"redeem same": no(fault.RevocationPending), "redeem other": no(fault.RevocationPending),
		"new address": no(fault.RevocationPending), "new label": no(fault.RevocationPending), "revoke": same, "resend": no(fault.RevocationPending),
	}
	table := map[string]map[string]outcome{
		"none": fresh, "removed": fresh, "expired": fresh,
		"pending(redeem)": {
			"redeem same": same, "redeem other": to(pending, r, new_), "new address": to(pending, r, new_),
			"new label": to(pending, r, old), "revoke": to(sponsorship.Removed, "", old),
			"resend": same,
		},
		"pending(redeem) attempted": {
			"redeem same": same, "redeem other": no(fault.AlreadySponsoring), "new address": to(pending, c, new_),
			"new label": to(pending, r, old), "revoke": to(pending, v, old),
			"resend": to(pending, c, old),
		},
		"sent": {
			"redeem same": same, "redeem other": no(fault.AlreadySponsoring), "new address": to(pending, c, new_),
			"new label": to(pending, c, old), "revoke": to(pending, v, old),
			"resend": to(pending, c, old),
		},
		"pending(change)": {
			"redeem same": no(fault.AlreadySponsoring), "redeem other": no(fault.AlreadySponsoring),
			"new address": to(pending, c, new_), "new label": to(pending, c, "mid@example.com"),
			"revoke": to(pending, v, "mid@example.com"),
			"resend": to(pending, c, "mid@example.com"),
		},
		"redeemed": {
			"redeem same": same, "redeem other": no(fault.AlreadySponsoring), "new address": no(fault.AlreadyRedeemed),
			"new label": to(pending, c, old), "revoke": to(pending, v, old),
			"resend": no(fault.AlreadyRedeemed),
		},
		"pending(revoke)": leaving, "expiring": leaving, "pending(adopt), to be withdrawn": leaving,
		"pending(adopt)": {
			"redeem same": same, "redeem other": no(fault.AlreadySponsoring), "new address": to(pending, c, new_),
			"new label": to(pending, a, old), "revoke": to(pending, v, old),
			"resend": to(pending, c, old),
		},
		"refused": {
			"redeem same": same, "redeem other": to(sponsorship.Refused, "", new_),
			"new address": to(sponsorship.Refused, "", new_), "new label": to(sponsorship.Refused, "", old),
			"revoke": to(sponsorship.Removed, "", old),
			"resend": to(pending, r, old),
		},
		"refused, perhaps there": {
			"redeem same": same, "redeem other": no(fault.AlreadySponsoring), "new address": to(pending, c, new_),
			"new label": to(sponsorship.Refused, "", old), "revoke": to(pending, v, old),
			"resend": to(pending, c, old),
		},
	}
	for state, cells := range table {
		if _, listed := cells["adopt"]; !listed { // something is there already
			table[state]["adopt"] = no(fault.AlreadySponsoring)
		}
	}
	for state, reach := range states() {
		for input, request := range inputs {
			t.Run(state+"/"+input, func(t *testing.T) {
				t.Parallel()
				want, listed := table[state][input]
				if !listed {
					t.Fatal("the table has no such cell")
				}
				checkDecision(t, reach(t), request, want)
			})
		}
	}
}

func checkDecision(t *testing.T, before sponsorship.Sponsorship, r sponsorship.Request, want outcome) {
	t.Helper()
	after, changed, err := sponsorship.Decide(before, r, sponsorship.Stamp{Now: t0, JobID: "next"})
	if got := fault.CodeOf(err); got != want.code {
		t.Fatalf("code = %q, want %q", got, want.code)
	}
	if want.code != "" || want.same {
		if changed || after != before {
			t.Fatalf("changed to %+v, want no change", after)
		}
		return
	}
	if !changed || after.Revision != before.Revision+1 || after.JobID != "next" {
		t.Errorf("changed = %v, revision %d after %d, job %q", changed, after.Revision, before.Revision, after.JobID)
	}
	if after.Status != want.status || after.Intent != want.intent || after.Email != want.address {
		t.Errorf("got %s(%s) %s, want %s(%s) %s", after.Status, after.Intent, after.Email, want.status, want.intent, want.address)
	}
}

func TestPendingChangeAcceptsARedeemOfTheNewAddress(t *testing.T) {
	t.Parallel()
	s := begin(t).ask(redeem).answer(row).ask(sponsorship.Change{Email: new_}).s
	checkDecision(t, s, sponsorship.Redeem{Email: "NEW@example.com"}, outcome{same: true})
}

// A change of case is shown at once and is nobody's business but ours.
func TestAChangeOfCaseOnlyIsShownAndNothingElse(t *testing.T) {
	t.Parallel()
	const louder = "OLD@Example.com"
	for state, reach := range states() {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			before := reach(t)
			if !before.Exists() || before.Email != old {
				return
			}
			after, changed, err := sponsorship.Decide(before, sponsorship.Change{Email: louder}, sponsorship.Stamp{Now: t0, JobID: "next"})
			if err != nil || !changed || after.Email != louder || after.Name != louder {
				t.Fatalf("changed = %v, %v: %q %q, want both in the new spelling", changed, err, after.Email, after.Name)
			}
			if sponsorship.Compare(before, after).Changed || after.Due() != before.Due() {
				t.Error("it is announced, or sent")
			}
			out, _ := sponsorship.Plan(before, t0)
			again, _ := sponsorship.Plan(after, t0)
			if offered := before.Wire.Offered; again.Tombstone != out.Tombstone || offered != "" && again.Email != offered {
				t.Errorf("goes out as %q (tombstone %v), want the address that was offered, %q (tombstone %v)", again.Email, again.Tombstone, offered, out.Tombstone)
			}
			if offered := again.Marked.Wire.Offered; before.Wire.Offered != "" && offered != before.Wire.Offered {
				t.Errorf("the wire keeps %q, want what was offered", offered)
			}
		})
	}
}

func TestLabelFollowsTheAddressUnlessItWasChosen(t *testing.T) {
	t.Parallel()
	s := begin(t).ask(redeem).ask(sponsorship.Change{Email: new_}).s
	if s.Name != new_ {
		t.Errorf("default label = %q, want the new address", s.Name)
	}
	s = begin(t).ask(sponsorship.Redeem{Email: old, Name: "Mum"}).ask(sponsorship.Change{Email: new_}).s
	if s.Name != "Mum" {
		t.Errorf("chosen label = %q, want it kept", s.Name)
	}
}

// Who is refused for an end that was agreed on is told its date.
func TestARedeemDuringTheLastTermNamesItsEnd(t *testing.T) {
	t.Parallel()
	end := time.Date(2027, 11, 22, 0, 0, 0, 0, time.UTC)
	s := sponsorship.Sponsorship{Status: sponsorship.Expiring, Email: "mum@example.com", ValidUntil: &end}
	_, _, err := sponsorship.Decide(s, sponsorship.Redeem{Email: "dad@example.com"}, sponsorship.Stamp{Now: t0})
	if fault.CodeOf(err) != fault.RevocationPending || !strings.Contains(err.Error(), "ends on 2027-11-22") {
		t.Errorf("got %v", err)
	}
}
