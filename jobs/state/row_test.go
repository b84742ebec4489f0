package state_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// A newer program has written two members that this one does not know. Whatever
// this one makes of the record, a new life included, they are still there.
func TestAnOlderProgramKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for name, newer := range map[string]string{
		"packed":   `3 removed {"v":2,"mark":{"a":[1]},"wire":{"holdUntil":"2026-12-01T00:00:00Z"}}`,
		"in words": `3 removed {"v":1,"organizationId":"","organizationUserId":"","sponsoredEmail":"","friendlyName":"","status":"removed","revision":3,"updatedAt":"0001-01-01T00:00:00Z","mark":{"a":[1]},"wire":{"holdUntil":"2026-12-01T00:00:00Z"}}`,
	} {
		old := jobstest.Value(state.DecodeRow("", "", newer))(t)
		next, _, err := sponsorship.Decide(old, sponsorship.Redeem{Email: "mum@example.com"}, sponsorship.Stamp{JobID: "job"})
		jobstest.Must(t, err)
		rewritten := jobstest.Value(state.EncodeRow(next))(t)
		for _, want := range []string{"4 pending {", `"mark":{"a":[1]}`, `"holdUntil":"2026-12-01T00:00:00Z"`, `"e":"mum@example.com"`, `"v":2`} {
			if !strings.Contains(rewritten, want) {
				t.Errorf("%s: %s lacks %s", name, rewritten, want)
			}
		}
		again := jobstest.Value(state.DecodeRow("", "", rewritten))(t)
		jobstest.Equal(t, name+": unknown", again.Unknown, old.Unknown)
		jobstest.Equal(t, name+": address", again.Email, "mum@example.com")
	}
}

// whole is a record of which every part is set.
func whole() sponsorship.Sponsorship {
	synced, until := t0.Add(time.Hour), time.Date(2027, 11, 22, 12, 0, 0, 123456700, time.UTC) // the cloud's dates have seven digits
	return sponsorship.Sponsorship{
		OrganizationID: org, UserID: user(1), Email: "mum@example.com", Name: "Mum", AdminInitiated: true, Vault: true,
		Status: sponsorship.Pending, Intent: sponsorship.IntentChange, Revision: 7, Reason: &sponsorship.Reason{Code: fault.MailUncertain, Message: "why"},
		LastSyncAt: &synced, ValidUntil: &until, UpdatedAt: t0, JobID: "30000000-0000-4000-8000-000000000003",
		Wire: sponsorship.Wire{
			Offered: "mom@example.com", Known: true, Adopted: true, Leaving: true, Unconfirmed: true, AskedAt: t0.Add(time.Minute),
			Tombstoned: true, Poison: true, Unsure: true, Anew: true, HeldUntil: t0.Add(2 * time.Minute), Silences: 2,
		},
	}
}

// What one release has stored the next one reads, to the letter. Never change these
// texts: add those of a new version.
func TestTheRowsOfEveryReleaseAreRead(t *testing.T) {
	t.Parallel()
	for _, row := range []string{
		`7 pending {"v":1,"organizationId":"10000000-0000-4000-8000-000000000001","organizationUserId":"20000000-0000-4000-8000-000000000001","sponsoredEmail":"mum@example.com","friendlyName":"Mum","adminInitiated":true,"vault":true,"status":"pending","intent":"change","revision":7,"reason":{"code":"mail_uncertain","message":"why"},"lastSyncAt":"2026-11-22T13:00:00Z","validUntil":"2027-11-22T12:00:00.1234567Z","updatedAt":"2026-11-22T12:00:00Z","jobId":"30000000-0000-4000-8000-000000000003","wire":{"offered":"mom@example.com","known":true,"adopted":true,"leaving":true,"unconfirmed":true,"askedAt":"2026-11-22T12:01:00Z","tombstoned":true,"poison":true,"unsure":true,"anew":true,"heldUntil":"2026-11-22T12:02:00Z","silences":2}}`,
		`7 pending {"v":2,"e":"mum@example.com","n":"Mum","f":"avkdlctpun","i":"change","r":{"code":"mail_uncertain","message":"why"},"s":1795352400000,"u":1795348800000,"t":"2027-11-22T12:00:00.1234567Z","j":"MAAAAAAAQACAAAAAAAAAAw","o":"mom@example.com","a":1795348860000,"h":1795348920000,"z":2}`,
	} {
		if got := jobstest.Value(state.DecodeRow(org, user(1), row))(t); !reflect.DeepEqual(got, whole()) {
			t.Errorf("%s was read as %+v", row, got)
		}
	}
	const now = `7 pending {"v":2,"e":"mum@example.com","n":"Mum","f":"avkdlctpun","i":"change","r":{"code":"mail_uncertain","message":"why"},"s":1795352400000,"u":1795348800000,"t":"2027-11-22T12:00:00.1234567Z","j":"MAAAAAAAQACAAAAAAAAAAw","o":"mom@example.com","a":1795348860000,"h":1795348920000,"z":2}`
	jobstest.Equal(t, "row", jobstest.Value(state.EncodeRow(whole()))(t), now)
}

// A field that somebody adds to a record must be in whole, and so in the texts above.
func TestWholeHasEveryField(t *testing.T) {
	t.Parallel()
	for _, part := range []any{whole(), whole().Wire} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Unknown" && v.Field(i).IsZero() {
				t.Errorf("whole lacks %s", name)
			}
		}
	}
}

// Beside a worker of an older release what is stored must be what that one reads,
// whichever program stores it.
func TestBesideAnOlderWorkerRecordsAreStoredInWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stored := func(version string) {
		t.Helper()
		over := record(1, sponsorship.Removed)
		over.Email = "mum@example.com"
		jobstest.Must(t, b.seed.Put(t.Context(), over))
		jobstest.Equal(t, "forgotten", jobstest.Value(b.Forget(t.Context(), org, state.Forgetting{Read: over}))(t), 1)
		row := jobstest.Value(b.rdb.HGet(t.Context(), state.Key(org, "rows"), string(user(1))).Result())(t)
		if !strings.HasPrefix(row, `1 removed {"v":`+version) {
			t.Errorf("stored %s, want version %s", row, version)
		}
	}
	stored("2")
	beats := func(safety int) {
		text := jobstest.Value(state.EncodeWorker(state.Worker{ID: "another", Safety: safety}))(t)
		jobstest.Must(t, b.rdb.HSet(t.Context(), state.WorkersKey, "another", fmt.Sprintf("%d %s", time.Now().UnixMilli(), text)).Err())
	}
	beats(1)
	stored("1")
	beats(state.PackedSafety)
	stored("2")
	b.Older = func() bool { return true } // who has looked
	stored("1")
}

// Version 3 may mean something else by the same words, or have none of them.
func TestARecordOfANewerVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`1 sent {"v":3,"e":"a"}`, `1 sent {"v":9,"status":{"is":"sent"}}`} {
		if s, err := state.DecodeRow(org, user(1), row); !errors.Is(err, state.ErrNewer) {
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
