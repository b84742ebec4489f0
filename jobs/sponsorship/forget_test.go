package sponsorship_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// over is a sponsorship with something in every field that a life leaves behind.
func over(status sponsorship.Status) sponsorship.Sponsorship {
	at := t0.Add(-time.Hour)
	return sponsorship.Sponsorship{
		OrganizationID: "10000000-0000-4000-8000-000000000001", UserID: "20000000-0000-4000-8000-000000000001",
		Email: "mum@example.com", Name: "Mum", AdminInitiated: true, Status: status, Revision: 7,
		Reason:     &sponsorship.Reason{Code: "not_accepted", Message: "why"},
		LastSyncAt: &at, ValidUntil: &at, UpdatedAt: at, JobID: "job",
		Wire: sponsorship.Wire{Offered: "mum@example.com", Known: true},
	}
}

func TestForgetKeepsWhatOrderNeeds(t *testing.T) {
	t.Parallel()
	for _, status := range []sponsorship.Status{sponsorship.Removed, sponsorship.Expired} {
		before := over(status)
		after, changed := sponsorship.Forget(before)
		if !changed || !after.Forgotten() || before.Forgotten() {
			t.Fatalf("%s: forgotten %v, then %v", status, before.Forgotten(), after.Forgotten())
		}
		text, err := json.Marshal(after)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(string(text)), "mum") {
			t.Errorf("%s: still there: %s", status, text)
		}
		if after.UserID != before.UserID || after.Status != status || after.Revision != before.Revision || after.UpdatedAt != before.UpdatedAt {
			t.Errorf("%s: became %+v; key, status, revision and dates must stay", status, after)
		}
		if _, again := sponsorship.Forget(after); again {
			t.Errorf("%s: forgotten twice", status)
		}
		anew, changed, err := sponsorship.Decide(after, sponsorship.Redeem{Email: "dad@example.com"}, sponsorship.Stamp{Now: t0})
		if err != nil || !changed || anew.Status != sponsorship.Pending || anew.Revision != 8 {
			t.Errorf("%s: a redeem anew: %+v, %v; want pending at revision 8", status, anew, err)
		}
	}
}

func TestForgetLeavesAloneWhatIsNotOver(t *testing.T) {
	t.Parallel()
	for _, status := range sponsorship.Statuses() {
		s := over(status)
		if s.Over() {
			continue
		}
		after, changed := sponsorship.Forget(s)
		if _, drop := sponsorship.DropAt(s); changed || after != s || s.Forgotten() || drop {
			t.Errorf("%s: forgotten", status)
		}
	}
}

func TestOnlyWhatAnAdminInitiatedIsDropped(t *testing.T) {
	t.Parallel()
	s := over(sponsorship.Removed)
	if at, drop := sponsorship.DropAt(s); !drop || !at.Equal(s.UpdatedAt.Add(90*24*time.Hour)) {
		t.Errorf("dropped at %v, %v; want 90 days after its end", at, drop)
	}
	s.AdminInitiated = false
	if _, drop := sponsorship.DropAt(s); drop {
		t.Error("a member's own record is dropped")
	}
}

func TestAtCloud(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		s    sponsorship.Sponsorship
		want bool
	}{
		"nothing left yet": {sponsorship.Sponsorship{Status: sponsorship.Pending}, false},
		"attempted":        {sponsorship.Sponsorship{Status: sponsorship.Pending, Wire: sponsorship.Wire{Offered: "a@b.c"}}, true},
		"known":            {sponsorship.Sponsorship{Status: sponsorship.Refused, Wire: sponsorship.Wire{Known: true}}, true},
		"never accepted":   {sponsorship.Sponsorship{Status: sponsorship.Refused}, false},
		"over":             {over(sponsorship.Expired), false},
	} {
		if got := test.s.AtCloud(); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
