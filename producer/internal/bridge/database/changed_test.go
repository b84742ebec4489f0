package database_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

func TestNamesTheOrganizationsThatDiffer(t *testing.T) {
	onEach(t, vaulttest.Setup{Clock: everLater()}, func(t *testing.T, v *vaulttest.Vault) {
		one, other := found(t, v, "one"), found(t, v, "other")
		_ = jobstest.Value(v.Found(t.Context(), vaulttest.Organization{Name: "without a connection"}))(t)
		now := &clock{time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)}
		d := open(t, database.Options{Target: target(t, v), Now: now.Now})
		both := []sponsorship.ID{one.organization, other.organization}
		slices.Sort(both)
		if got := changed(t.Context(), t, d); !slices.Equal(got, both) {
			t.Fatalf("at first: %v, want all %v", got, both)
		}
		second, _ := join(t, v, one, "max@one.example")
		quiet(t, d, "nothing but a member is new")
		for _, step := range []struct {
			what string
			do   func() error
		}{
			{"an offer", func() error { return v.Offer(t.Context(), vaulttest.ByWebVault(one.member, "nan@example.test")) }},
			{"another name", func() error {
				name := "Nan"
				return v.Offer(t.Context(), vaulttest.Offer{Member: one.member, Email: "nan@example.test", Name: &name})
			}},
			{"another case", func() error { return v.Offer(t.Context(), vaulttest.ByWebVault(one.member, "NAN@example.test")) }},
			{"a second offer", func() error { return v.Offer(t.Context(), vaulttest.ByWebVault(second, "aunt@example.test")) }},
			{"a revoke", func() error { return v.Revoke(t.Context(), one.member) }},
			{"another token", func() error { return v.SaveToken(t.Context(), string(one.organization), "NEW", cloudOrganization) }},
			{"a connection that is off", func() error { return v.DisableConnection(t.Context(), string(one.organization)) }},
			{"a removed member", func() error { return v.RemoveMember(t.Context(), second) }},
			{"a deleted organization", func() error { return v.DeleteOrganization(t.Context(), string(one.organization)) }},
		} {
			jobstest.Must(t, step.do())
			if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{one.organization}) {
				t.Errorf("%s: %v, want %v", step.what, got, one.organization)
			}
			quiet(t, d, "after "+step.what)
		}
		now.now = now.now.Add(5 * time.Minute)
		if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{other.organization}) {
			t.Errorf("after five minutes: %v, want all that is left, %v", got, other.organization)
		}
		now.now = now.now.Add(-time.Hour)
		if got := changed(t.Context(), t, d); len(got) != 1 {
			t.Errorf("after the clock went back: %v, want all", got)
		}
	})
}

func quiet(t *testing.T, d *database.Database, when string) {
	t.Helper()
	if got := changed(t.Context(), t, d); len(got) != 0 {
		t.Errorf("%s: %v differ, want none", when, got)
	}
}

// Two rows that change in the same way at the same moment leave no sum of plain
// hashes as it was.
func TestEqualChangesAreSeen(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		offer(t, v, of.member, "a@example.test")
		second, _ := join(t, v, of, "max@one.example")
		offer(t, v, second, "b@example.test")
		d := reader(t, v)
		changed(t.Context(), t, d)
		statement := map[vaulttest.Engine]string{
			vaulttest.PostgreSQL: `UPDATE "OrganizationSponsorship" SET "ToDelete" = true`,
			vaulttest.MariaDB:    "UPDATE OrganizationSponsorship SET ToDelete = 1",
			vaulttest.SQLite:     "UPDATE OrganizationSponsorship SET ToDelete = 1",
		}[v.Engine]
		run(t, v, statement)
		if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{of.organization}) {
			t.Errorf("got %v", got)
		}
	})
}

// A server that was restarted costs nobody a look.
func TestALostSessionIsReplaced(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		d := reader(t, v)
		changed(t.Context(), t, d)
		killSessions(t, v)
		offer(t, v, of.member, "nan@example.test")
		if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{of.organization}) {
			t.Errorf("got %v", got)
		}
		killSessions(t, v)
		if got := look(t, d, of); len(got.Rows) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}
