package database_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// writer opens the vault's database for writing, too.
func writer(t *testing.T, v *vaulttest.Vault) *database.Database {
	t.Helper()
	return open(t, database.Options{Target: target(t, v), Writes: true})
}

// write must come to an outcome.
func write(t *testing.T, d *database.Database, of team, w vault.Write, want vault.Outcome) {
	t.Helper()
	if got := jobstest.Value(d.Write(t.Context(), of.organization, w))(t); got != want {
		t.Errorf("a write came out as %q, want %q", got, want)
	}
}

// inQuotes puts the engine's own quotes into a statement.
func inQuotes(v *vaulttest.Vault, statement string) string {
	if v.Engine == vaulttest.MariaDB {
		return strings.ReplaceAll(statement, `"`, "`")
	}
	return statement
}

// oneRow makes an organization with a row, and returns it as it is read.
func oneRow(t *testing.T, v *vaulttest.Vault, d *database.Database) (team, vault.Row) {
	t.Helper()
	of := found(t, v, "one")
	name := "Großmutter 🦊"
	jobstest.Must(t, v.Offer(t.Context(), vaulttest.Offer{Member: of.member, Email: "nan@example.test", Name: &name}))
	return of, look(t, d, of).Rows[0]
}

// stored are all rows of all tables, by table and id, as the engine keeps them.
func stored(t *testing.T, v *vaulttest.Vault) map[string]vaulttest.Record {
	t.Helper()
	all := map[string]vaulttest.Record{}
	for table, rows := range jobstest.Value(v.Backup(t.Context()))(t) {
		for _, row := range rows {
			all[fmt.Sprint(table, " ", orNothing(row["Id"]), orNothing(row["MigrationId"]))] = row
		}
	}
	return all
}

func orNothing(key any) any {
	if key == nil {
		return ""
	}
	return key
}

// differing names what is not as it was: columns of rows that are still there, and rows.
func differing(before, after map[string]vaulttest.Record) map[string]any {
	found := map[string]any{}
	for key, row := range before {
		now, still := after[key]
		if !still {
			found[key] = "gone"
		}
		for column, value := range now {
			if value != row[column] {
				found[column] = value
			}
		}
	}
	for key := range after {
		if _, was := before[key]; !was {
			found[key] = "new"
		}
	}
	return found
}

func TestWritesNothingButItsColumns(t *testing.T) {
	synced := time.Date(2026, 8, 20, 19, 16, 19, 123456999, time.FixedZone("", 2*60*60)) // a digit too fine, and not in UTC
	until := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	onEach(t, vaulttest.Setup{Clock: everLater()}, func(t *testing.T, v *vaulttest.Vault) {
		d := writer(t, v)
		of, row := oneRow(t, v, d)
		other, _ := join(t, v, of, "max@one.example")
		offer(t, v, other, "aunt@example.test")
		asStored := map[vaulttest.Engine][2]string{
			vaulttest.PostgreSQL: {"2026-08-20 17:16:19.123456+00", "2027-01-02 03:04:05+00"},
			vaulttest.MariaDB:    {"2026-08-20 17:16:19.123456", "2027-01-02 03:04:05.000000"},
			vaulttest.SQLite:     {"2026-08-20 17:16:19.123456", "2027-01-02 03:04:05"},
		}[v.Engine]
		marked := map[bool]any{true: any(int64(1)), false: any(int64(0))}
		if v.Engine == vaulttest.PostgreSQL {
			marked = map[bool]any{true: true, false: false}
		}
		for _, step := range []struct {
			write vault.Write
			want  map[string]any
		}{
			{vault.Write{Synced: &synced}, map[string]any{"LastSyncDate": asStored[0]}},
			{vault.Write{Synced: &synced}, map[string]any{}},
			{vault.Write{Synced: &synced, ValidUntil: &until, Marked: true}, map[string]any{"ValidUntil": asStored[1], "ToDelete": marked[true]}},
			{vault.Write{Synced: &until}, map[string]any{"LastSyncDate": asStored[1], "ValidUntil": nil, "ToDelete": marked[false]}},
			{vault.Write{Delete: true, Marked: true}, map[string]any{fmt.Sprint("OrganizationSponsorship ", asID(v, row.ID)): "gone"}},
		} {
			before := stored(t, v)
			step.write.Was = look(t, d, of).Rows[0]
			write(t, d, of, step.write, vault.Written)
			if got := differing(before, stored(t, v)); !maps.Equal(got, step.want) {
				t.Errorf("%+v changed %v, want %v", step.write, got, step.want)
			}
		}
	})
}

// asID is an id as the engine stores it.
func asID(v *vaulttest.Vault, id string) string {
	if v.Engine == vaulttest.SQLite {
		return strings.ToUpper(id)
	}
	return id
}

// Whatever of the row has changed, by as little as an engine can store: it is not written.
// MariaDB's own comparison takes most of these for the same.
func TestAChangedRowIsLeftAlone(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		d := writer(t, v)
		of, _ := oneRow(t, v, d)
		second, _ := join(t, v, of, "max@one.example")
		other := found(t, v, "other")
		setDates(t, v, "2026-08-20 19:16:19.123456", "2027-01-02 03:04:05")
		row := look(t, d, of).Rows[0]
		yes := "1"
		if v.Engine == vaulttest.PostgreSQL {
			yes = "true"
		}
		finest := "'2026-08-20 19:16:19.123457'"
		if v.Engine == vaulttest.SQLite {
			finest = "'2026-08-20 19:16:19.1234561'"
		}
		for _, change := range []string{
			`"OfferedToEmail" = 'Nan@example.test'`, `"OfferedToEmail" = 'nán@example.test'`, `"OfferedToEmail" = 'nan@example.test '`,
			`"OfferedToEmail" = NULL`, `"OfferedToEmail" = ''`, `"FriendlyName" = 'großmutter 🦊'`, `"FriendlyName" = 'Grosmutter 🦊'`,
			`"FriendlyName" = 'Großmutter 🐻'`, `"FriendlyName" = 'Großmutter 🦊 '`, `"FriendlyName" = NULL`,
			`"ToDelete" = ` + yes, `"IsAdminInitiated" = ` + yes, `"SponsoringOrganizationUserId" = '` + asID(v, second) + `'`,
			`"SponsoringOrganizationId" = '` + asID(v, string(other.organization)) + `'`, `"SponsoringOrganizationId" = NULL`,
			`"LastSyncDate" = NULL`, `"ValidUntil" = NULL`, `"LastSyncDate" = ` + finest, `"ValidUntil" = '2027-01-02 03:04:06'`,
		} {
			backup := jobstest.Value(v.Backup(t.Context()))(t)
			run(t, v, inQuotes(v, `UPDATE "OrganizationSponsorship" SET `+change))
			before := stored(t, v)
			write(t, d, of, vault.Write{Was: row, Marked: true}, vault.Overtaken)
			write(t, d, of, vault.Write{Was: row, Delete: true}, vault.Overtaken)
			if got := differing(before, stored(t, v)); len(got) != 0 {
				t.Errorf("after %s: changed %v", change, got)
			}
			jobstest.Must(t, v.Restore(t.Context(), backup))
		}
		write(t, d, of, vault.Write{Was: row, Delete: true}, vault.Written)
		write(t, d, of, vault.Write{Was: row, Delete: true}, vault.Overtaken)
		write(t, d, of, vault.Write{Was: row, Marked: true}, vault.Overtaken)
	})
}

// What reads as nothing is compared as nothing, NULL or not.
func TestARowWithoutTextIsWritten(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		d := writer(t, v)
		of, _ := oneRow(t, v, d)
		for _, nothing := range []string{`NULL, "FriendlyName" = ''`, `'', "FriendlyName" = NULL`} {
			run(t, v, inQuotes(v, `UPDATE "OrganizationSponsorship" SET "OfferedToEmail" = `+nothing))
			row := look(t, d, of).Rows[0]
			write(t, d, of, vault.Write{Was: row, Marked: !row.Marked}, vault.Written)
		}
	})
}

// The server stores a digit more than we compute with.
func TestFinerDatesOfSQLiteAreComparedAsTheyStand(t *testing.T) {
	t.Parallel()
	v := vaulttest.New(t, vaulttest.SQLite, vaulttest.Setup{})
	d := writer(t, v)
	of, _ := oneRow(t, v, d)
	for _, date := range []string{"2026-08-20 19:16:19.1234567", "2026-08-20T19:16:19", "2026-08-20"} {
		setDates(t, v, date, date)
		row := look(t, d, of).Rows[0]
		write(t, d, of, vault.Write{Was: row, Marked: !row.Marked, Synced: row.Synced, ValidUntil: row.ValidUntil}, vault.Written)
		if now := look(t, d, of).Rows[0]; now.Stored.Synced != date || now.Stored.ValidUntil != date || now.Marked == row.Marked {
			t.Errorf("the date %s became %+v", date, now.Stored)
		}
	}
}

func TestAnOlderServersRowsAreWritten(t *testing.T) {
	onEach(t, vaulttest.Setup{Older: true}, func(t *testing.T, v *vaulttest.Vault) {
		d := writer(t, v)
		of, row := oneRow(t, v, d)
		write(t, d, of, vault.Write{Was: row, Marked: true}, vault.Written)
	})
}

// A member's transaction, or a support tool's, comes first: we give up after a second.
func TestAHeldRowIsBusy(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		d := writer(t, v)
		of, row := oneRow(t, v, d)
		tx := jobstest.Value(v.DB.BeginTx(t.Context(), nil))(t)
		_ = jobstest.Value(tx.ExecContext(t.Context(), inQuotes(v, `UPDATE "OrganizationSponsorship" SET "PlanSponsorshipType" = 0`)))(t)
		write(t, d, of, vault.Write{Was: row, Marked: true}, vault.Busy)
		if got := look(t, d, of); len(got.Rows) != 1 || got.Rows[0].Marked {
			t.Errorf("a row that was busy reads %+v", got.Rows)
		}
		jobstest.Must(t, tx.Rollback())
		write(t, d, of, vault.Write{Was: row, Marked: true}, vault.Written)
	})
}

func TestALostSessionWritesStill(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		d := writer(t, v)
		of, row := oneRow(t, v, d)
		killSessions(t, v)
		write(t, d, of, vault.Write{Was: row, Marked: true}, vault.Written)
	})
}

func TestReadModeWritesNoRow(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		d := reader(t, v)
		of, row := oneRow(t, v, d)
		_, err := d.Write(t.Context(), of.organization, vault.Write{Was: row, Marked: true})
		wantFault(t, err, fault.BridgeDatabaseUnavailable, "reading only")
	})
}

// A user with the least rights writes what it should and nothing else; a right that
// it lacks, or loses, is named with the statement that gives it.
func TestTheLeastRightsToWrite(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		all := append(readGrants(v), writeGrants()...)
		d := restricted(t, v, database.Options{Writes: true}, all)
		of, row := oneRow(t, v, d)
		write(t, d, of, vault.Write{Was: row, Marked: true, Synced: new(time.Now()), ValidUntil: new(time.Now())}, vault.Written)
		for _, statement := range []string{
			`UPDATE "OrganizationSponsorship" SET "OfferedToEmail" = 'x'`, `UPDATE "OrganizationConnection" SET "Enabled" = '0'`, `DELETE FROM "OrganizationUser"`,
			`DELETE FROM "OrganizationConnection"`, `INSERT INTO "OrganizationSponsorship" ("Id") VALUES ('` + string(of.organization) + `')`,
		} {
			if err := d.Exec(t.Context(), inQuotes(v, statement)); err == nil {
				t.Errorf("the user may %s", statement)
			}
		}
		row = look(t, d, of).Rows[0]
		write(t, d, of, vault.Write{Was: row, Delete: true}, vault.Written)

		for _, lost := range []string{"UPDATE", "DELETE"} {
			kept := strings.NewReplacer(`UPDATE ("LastSyncDate","ValidUntil","ToDelete")`, "SELECT (\"Id\")", "DELETE", "DELETE")
			if lost == "DELETE" {
				kept = strings.NewReplacer(", DELETE", "")
			}
			d := restricted(t, v, database.Options{Writes: true}, append(readGrants(v), kept.Replace(writeGrants()[0])))
			_, err := d.Write(t.Context(), of.organization, vault.Write{Was: row, Delete: true})
			wantFault(t, err, fault.BridgeDatabaseUnavailable, "GRANT "+lost)
		}
	})
}

func TestARightThatIsTakenAwayIsNamed(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		o := database.Options{Writes: true, Target: target(t, v)}
		o.Target.User, o.Target.Password = newUser(t, v), "few-rights"
		for _, statement := range append(readGrants(v), writeGrants()...) {
			run(t, v, forUser(v, statement, o.Target.User))
		}
		d := open(t, o)
		of, row := oneRow(t, v, d)
		write(t, d, of, vault.Write{Was: row, Marked: true}, vault.Written)
		row = look(t, d, of).Rows[0]
		run(t, v, forUser(v, `REVOKE DELETE ON "OrganizationSponsorship" FROM sponsorsync`, o.Target.User))
		_, err := d.Write(t.Context(), of.organization, vault.Write{Was: row, Delete: true})
		wantFault(t, err, fault.BridgeDatabaseUnavailable, "GRANT DELETE ON", "deleting sponsorships")
		if got := look(t, d, of); len(got.Rows) != 1 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// A row that nobody finds by its id is nobody's business.
func TestAnIDOfNobody(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		d := writer(t, v)
		of, row := oneRow(t, v, d)
		row.ID = "4d36e96e-e325-41ce-bfc1-b08b00fac45d"
		write(t, d, of, vault.Write{Was: row, Marked: true}, vault.Overtaken)
		other := team{organization: sponsorship.ID("4d36e96e-e325-41ce-bfc1-b08b00fac45d")}
		write(t, d, other, vault.Write{Was: look(t, d, of).Rows[0], Delete: true}, vault.Overtaken)
	})
}
