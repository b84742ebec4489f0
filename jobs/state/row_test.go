package state_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// A newer program has written two members that this one does not know. Whatever
// this one makes of the record, a new life included, they are still there.
func TestAnOlderProgramKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	first := jobstest.Value(state.EncodeRow(sponsorship.Sponsorship{Status: sponsorship.Removed, Revision: 3}))(t)
	newer := strings.Replace(first, `"wire":{`, `"mark":{"a":[1]},"wire":{"holdUntil":"2026-12-01T00:00:00Z"`, 1)
	old := jobstest.Value(state.DecodeRow(newer))(t)
	next, _, err := sponsorship.Decide(old, sponsorship.Redeem{Email: "mum@example.com"}, sponsorship.Stamp{JobID: "job"})
	jobstest.Must(t, err)
	rewritten := jobstest.Value(state.EncodeRow(next))(t)
	for _, want := range []string{"4 pending {", `"mark":{"a":[1]}`, `"holdUntil":"2026-12-01T00:00:00Z"`, `"sponsoredEmail":"mum@example.com"`, `"v":1`} {
		if !strings.Contains(rewritten, want) {
			t.Errorf("%s lacks %s", rewritten, want)
		}
	}
	again := jobstest.Value(state.DecodeRow(rewritten))(t)
	jobstest.Equal(t, "unknown", again.Unknown, old.Unknown)
	jobstest.Equal(t, "address", again.Email, "mum@example.com")
}

func TestARecordWithoutUnknownMembersCarriesNone(t *testing.T) {
	t.Parallel()
	row := jobstest.Value(state.EncodeRow(sponsorship.Sponsorship{Status: sponsorship.Sent, Revision: 1, Wire: sponsorship.Wire{Known: true}}))(t)
	s := jobstest.Value(state.DecodeRow(row))(t)
	jobstest.Equal(t, "unknown", s.Unknown, "")
	jobstest.Equal(t, "wire", s.Wire, sponsorship.Wire{Known: true})
}

// Version 2 may mean something else by the same words, or have none of them.
func TestARecordOfANewerVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`1 sent {"v":2,"status":"sent","revision":1}`, `1 sent {"v":9,"status":{"is":"sent"}}`} {
		if s, err := state.DecodeRow(row); !errors.Is(err, state.ErrNewer) {
			t.Errorf("%s was read as %+v, %v", row, s, err)
		}
	}
}

func TestAConnectionOfANewerVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.Connect(t.Context(), org, state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "t"}))
	b.server.HSet(state.Key(org, ""), "connectionVersion", "2")
	if c, err := b.Connection(t.Context(), org); !errors.Is(err, state.ErrNewer) {
		t.Errorf("got %+v, %v", c, err)
	}
}
