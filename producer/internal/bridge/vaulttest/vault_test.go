package vaulttest_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// onEach runs a test on every engine, in parallel.
func onEach(t *testing.T, setup vaulttest.Setup, test func(*testing.T, *vaulttest.Vault)) {
	for _, engine := range vaulttest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, vaulttest.New(t, engine, setup))
		})
	}
}

// team makes an organization with one member.
func team(t *testing.T, v *vaulttest.Vault) (organization, member string) {
	t.Helper()
	organization = jobstest.Value(v.Found(t.Context(), vaulttest.Organization{Name: "Example", LicenseKey: "KEY"}))(t)
	member, _, err := v.Join(t.Context(), organization, vaulttest.Person{Name: "Mia", Email: "mia@example.com", Role: vaulttest.Member})
	jobstest.Must(t, err)
	return organization, member
}

func rows(t *testing.T, v *vaulttest.Vault) []vaulttest.Record {
	t.Helper()
	return jobstest.Value(v.Records(t.Context(), "OrganizationSponsorship"))(t)
}

func TestAnOlderServerLacksWhatCameLater(t *testing.T) {
	onEach(t, vaulttest.Setup{Older: true}, func(t *testing.T, v *vaulttest.Vault) {
		_, member := team(t, v)
		jobstest.Must(t, v.Offer(t.Context(), vaulttest.ByWebVault(member, "nan@example.test")))
		jobstest.Must(t, v.Offer(t.Context(), vaulttest.ByWebVault(member, "aunt@example.test")))
		got := rows(t, v)
		if len(got) != 1 || got[0]["OfferedToEmail"] != "aunt@example.test" {
			t.Fatalf("rows: %v", got)
		}
		if _, has := got[0]["IsAdminInitiated"]; has {
			t.Error("the table has a column that came later")
		}
	})
}

func TestABackupBringsBackWhatWasThere(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		organization, member := team(t, v)
		jobstest.Must(t, v.SaveToken(t.Context(), organization, "TOKEN", "c10ad000-0000-4000-8000-00000000c10d"))
		jobstest.Must(t, v.Offer(t.Context(), vaulttest.ByWebVault(member, "nan@example.test")))
		before := rows(t, v)
		backup := jobstest.Value(v.Backup(t.Context()))(t)
		jobstest.Must(t, v.DeleteOrganization(t.Context(), organization))
		jobstest.Must(t, v.Restore(t.Context(), backup))
		after := rows(t, v)
		if len(after) != 1 || after[0]["Id"] != before[0]["Id"] || after[0]["SponsoringOrganizationId"] != before[0]["SponsoringOrganizationId"] {
			t.Errorf("rows: %v, before the backup %v", after, before)
		}
	})
}
