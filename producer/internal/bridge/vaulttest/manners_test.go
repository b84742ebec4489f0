package vaulttest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// What the code for SQL Server does otherwise was read, not seen; one engine shows
// that the simulation does it.
func onSQLServer(t *testing.T) (v *vaulttest.Vault, organization, member string) {
	t.Helper()
	v = vaulttest.New(t, vaulttest.SQLite, vaulttest.Setup{SQLServerManners: true})
	organization, member = team(t, v)
	jobstest.Must(t, v.Offer(t.Context(), vaulttest.ByWebVault(member, "nan@example.test")))
	return v, organization, member
}

func kept(synced time.Time) vaulttest.Cloud {
	return func(sent []vaulttest.Sent) (map[string]vaulttest.Answer, error) {
		answers := map[string]vaulttest.Answer{}
		for _, s := range sent {
			answers[s.Member] = vaulttest.Answer{LastSync: &synced, ToDelete: s.ToDelete}
		}
		return answers, nil
	}
}

func TestOnSQLServerARemovedMembersRowIsMarkedForever(t *testing.T) {
	v, _, member := onSQLServer(t)
	jobstest.Must(t, v.RemoveMember(t.Context(), member))
	row := rows(t, v)[0]
	if row["ToDelete"] != int64(1) || row["LastSyncDate"] != nil {
		t.Errorf("row: %v, want it marked and without a date", row)
	}
}

func TestOnSQLServerTheJobStoresDatesAndUndoesWhatCameMeanwhile(t *testing.T) {
	v, organization, member := onSQLServer(t)
	first := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	jobstest.Must(t, v.RunOfficialJob(t.Context(), organization, kept(first)))
	pending := jobstest.Value(v.BeginOfficialJob(t.Context(), organization))(t)
	jobstest.Must(t, v.Revoke(t.Context(), member))
	jobstest.Equal(t, "ToDelete after the revoke", rows(t, v)[0]["ToDelete"], any(int64(1)))
	jobstest.Must(t, pending.Finish(t.Context(), kept(first.AddDate(0, 0, 1))))
	row := rows(t, v)[0]
	jobstest.Equal(t, "ToDelete after the job", row["ToDelete"], any(int64(0)))
	jobstest.Equal(t, "LastSyncDate", row["LastSyncDate"], any("2026-08-21 12:00:00"))
}

func TestOnSQLServerTwoOwnRowsStopAMember(t *testing.T) {
	v, _, member := onSQLServer(t)
	pending := jobstest.Value(v.BeginOffer(t.Context(), vaulttest.ByWebVault(member, "aunt@example.test")))(t)
	jobstest.Must(t, v.Revoke(t.Context(), member))
	again := jobstest.Value(v.BeginOffer(t.Context(), vaulttest.ByWebVault(member, "uncle@example.test")))(t)
	jobstest.Must(t, again.Finish(t.Context()))
	jobstest.Must(t, pending.Finish(t.Context())) // updates the row that is gone
	jobstest.Equal(t, "rows", len(rows(t, v)), 1)

	two := []*vaulttest.PendingOffer{}
	jobstest.Must(t, v.Revoke(t.Context(), member))
	for _, email := range []string{"first@example.test", "second@example.test"} {
		two = append(two, jobstest.Value(v.BeginOffer(t.Context(), vaulttest.ByWebVault(member, email)))(t))
	}
	for _, offer := range two {
		jobstest.Must(t, offer.Finish(t.Context()))
	}
	if err := v.Revoke(t.Context(), member); !errors.Is(err, vaulttest.ErrTwoRows) {
		t.Errorf("revoke with two rows: %v", err)
	}
}
