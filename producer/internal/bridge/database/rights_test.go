package database_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// The least rights are enough for everything, and nothing is said to be missing or too much.
func TestTheLeastRightsAreEnough(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		offer(t, v, of.member, "nan@example.test")
		d := restricted(t, v, database.Options{}, readGrants(v))
		report := jobstest.Value(d.Check(t.Context()))(t)
		if len(report.Missing) != 0 || len(report.Beyond) != 0 || report.Head != v.Head() {
			t.Errorf("got %+v", report)
		}
		if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{of.organization}) {
			t.Errorf("changed: %v", got)
		}
		got := look(t, d, of)
		if len(got.Rows) != 1 || got.Name != "one" || got.LicenseKey == "" || len(got.Members) != 1 || got.Head == "" || len(got.Connections) != 1 {
			t.Errorf("got %+v", got)
		}
		quiet(t, d, "nothing happened")
		offer(t, v, of.member, "aunt@example.test")
		if got := changed(t.Context(), t, d); len(got) != 1 {
			t.Errorf("after an offer: %v", got)
		}
	})
}

func TestFullModeSaysWhatItMayNotWrite(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		found(t, v, "one")
		reads := jobstest.Value(restricted(t, v, database.Options{Writes: true}, readGrants(v)).Check(t.Context()))(t)
		if len(reads.Missing) != 2 || !mentions(reads.Missing, "UPDATE (", "ToDelete") || !mentions(reads.Missing, "GRANT DELETE ON") {
			t.Errorf("without rights to write: %+v", reads)
		}
		all := append(readGrants(v), writeGrants()...)
		writes := jobstest.Value(restricted(t, v, database.Options{Writes: true}, all).Check(t.Context()))(t)
		if len(writes.Missing) != 0 || len(writes.Beyond) != 0 {
			t.Errorf("with them: %+v", writes)
		}
		beyond := jobstest.Value(restricted(t, v, database.Options{}, all).Check(t.Context()))(t)
		if len(beyond.Beyond) != 1 || !mentions(beyond.Beyond, "LastSyncDate", "ToDelete", "ValidUntil", "DELETE", "OrganizationSponsorship") {
			t.Errorf("in read mode: %+v", beyond)
		}
	})
}

func TestWhoMayDoEverythingIsTold(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		report := jobstest.Value(reader(t, v).Check(t.Context()))(t)
		if !mentions(report.Beyond, "table OrganizationUser", "INSERT", "DELETE") || len(report.Missing) != 0 {
			t.Errorf("got %+v", report)
		}
	})
}

// Whatever the catalog hides, a missing grant is named with the statement that gives it.
func TestAMissingGrantIsNamed(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		for _, column := range []string{"ToDelete", "IsAdminInitiated", "Id"} {
			d := restricted(t, v, database.Options{}, without(readGrants(v), "OrganizationSponsorship", column))
			_, err := d.Read(t.Context(), of.organization)
			wantFault(t, err, fault.BridgeSchemaUnknown, "may not read "+column+" of table OrganizationSponsorship", "GRANT SELECT (", column)
			_, err = d.Changed(t.Context())
			wantFault(t, err, fault.BridgeSchemaUnknown, column)
		}
		_, err := restricted(t, v, database.Options{}, nil).Read(t.Context(), of.organization)
		if v.Engine == vaulttest.PostgreSQL {
			wantFault(t, err, fault.BridgeSchemaUnknown, "GRANT USAGE ON SCHEMA")
		} else { // such a user may not even connect to the database
			wantFault(t, err, fault.BridgeDatabaseUnavailable, "ccess denied")
		}
	})
}

func TestWhatIsNotGrantedIsMissed(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		offer(t, v, of.member, "nan@example.test")
		grants := without(without(readGrants(v), "Organization", "Name"), "Organization", "LicenseKey")
		grants = slices.DeleteFunc(grants, func(g string) bool { return strings.Contains(g, `"OrganizationUser"`) || strings.Contains(g, "xmin") })
		d := restricted(t, v, database.Options{}, grants)
		got := look(t, d, of)
		if !got.Found || got.Name != "" || got.LicenseKey != "" || got.Members != nil || len(got.Rows) != 1 {
			t.Errorf("got %+v", got)
		}
		missing := d.Restrictions()
		if !mentions(missing, "license key", "GRANT SELECT (") || !mentions(missing, "names of organizations", "Name") || !mentions(missing, "a member is still there", "OrganizationId") {
			t.Errorf("got %+v", missing)
		}
		if v.Engine == vaulttest.PostgreSQL && !mentions(missing, "GRANT SELECT (xmin)") {
			t.Errorf("got %+v", missing)
		}
		if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{of.organization}) {
			t.Errorf("changed: %v", got)
		}
		jobstest.Must(t, v.Revoke(t.Context(), of.member))
		if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{of.organization}) {
			t.Errorf("after a revoke, without row versions: %v", got)
		}
	})
}

// MariaDB gives one error for both. The newest migration tells them apart; where even
// that may not be read, both are named.
func TestMariaDBTellsAMissingColumnFromAMissingGrant(t *testing.T) {
	t.Parallel()
	older := vaulttest.New(t, vaulttest.MariaDB, vaulttest.Setup{Older: true})
	of := found(t, older, "one")
	grants := without(readGrants(older), "OrganizationSponsorship", "IsAdminInitiated")
	if got := look(t, restricted(t, older, database.Options{}, grants), of); got.Head != older.Head() {
		t.Errorf("an older server: %+v", got)
	}
	blind := slices.DeleteFunc(slices.Clone(grants), func(g string) bool { return strings.Contains(g, "__EFMigrationsHistory") })
	_, err := restricted(t, older, database.Options{}, blind).Read(t.Context(), of.organization)
	wantFault(t, err, fault.BridgeSchemaUnknown, "either the server is older than IsAdminInitiated", "GRANT SELECT (`IsAdminInitiated`)", "GRANT SELECT (`MigrationId`) ON `__EFMigrationsHistory`")
}

// The server's update may take a column away while the bridge runs.
func TestAMissingColumnIsNamed(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		offer(t, v, of.member, "nan@example.test")
		d := reader(t, v)
		look(t, d, of)
		rename := `ALTER TABLE "OrganizationSponsorship" RENAME COLUMN "ValidUntil" TO "SponsorshipLapsedDate"`
		back := `ALTER TABLE "OrganizationSponsorship" RENAME COLUMN "SponsorshipLapsedDate" TO "ValidUntil"`
		if v.Engine == vaulttest.MariaDB {
			rename, back = strings.ReplaceAll(rename, `"`, "`"), strings.ReplaceAll(back, `"`, "`")
		}
		run(t, v, rename)
		_, err := d.Read(t.Context(), of.organization)
		wantFault(t, err, fault.BridgeSchemaUnknown, "ValidUntil")
		_, err = d.Read(t.Context(), of.organization)
		wantFault(t, err, fault.BridgeSchemaUnknown, "ValidUntil")
		run(t, v, back)
		if got := look(t, d, of); len(got.Rows) != 1 {
			t.Errorf("when it is there again: %+v", got)
		}
	})
}

// The sessions themselves hold us to what the settings say.
func TestReadModeRefusesToWrite(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		found(t, v, "one")
		d := reader(t, v)
		statement := "DELETE FROM OrganizationConnection"
		if v.Engine == vaulttest.PostgreSQL {
			statement = `DELETE FROM "OrganizationConnection"`
		}
		if err := d.Exec(t.Context(), statement); err == nil {
			t.Error("a session of the read mode deletes")
		}
		writer := open(t, database.Options{Target: target(t, v), Writes: true})
		jobstest.Must(t, writer.Exec(t.Context(), statement))
	})
}

func mentions(restrictions []vault.Restriction, words ...string) bool {
	return slices.ContainsFunc(restrictions, func(r vault.Restriction) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(r.Missing+" "+r.Grant, word) })
	})
}

func wantFault(t *testing.T, err error, code fault.Code, words ...string) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v says nothing of %q", err, word)
		}
	}
}

// What the documents tell an administrator to run is what it takes, and no more.
func TestGrantsAreTheLeastRights(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		for _, writes := range []bool{false, true} {
			grants := database.Grants(target(t, v).Engine, "sponsorsync", writes)
			report := jobstest.Value(restricted(t, v, database.Options{Writes: writes}, grants).Check(t.Context()))(t)
			if len(report.Missing) != 0 || len(report.Beyond) != 0 {
				t.Errorf("writes %v: %+v", writes, report)
			}
		}
	})
	if got := database.Grants(connstring.SQLite, "sponsorsync", true); got != nil {
		t.Errorf("SQLite: %v", got)
	}
}
