package database_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/tds"
)

// SQL Server is played by a stand-in: what is here proves what we send and how we read
// what comes back, not that SQL Server agrees.

const (
	localOrganization = sponsorship.ID("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
	nobody            = sponsorship.ID("11111111-2222-4333-8444-555555555555")
	firstRow          = "4d36e96e-e325-41ce-bfc1-b08b00fac45d"
	secondRow         = "4d36e96e-e325-41ce-bfc1-b09a00fac45d" // born later
	lostRow           = "4d36e96e-e325-41ce-bfc1-b07000fac45d"
	memberID          = "9c5b94b1-35ad-49bb-b118-8e8fc24abf80"
	accountID         = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
)

// standIn has an organization with a connection, a member and two rows, and a row of nobody.
func standIn(t *testing.T, o tds.Options) (*tds.Server, connstring.Target) {
	t.Helper()
	o.User, o.Password, o.Database = "bridge]", "p;=@/?", "vault"
	s := tds.Start(t, o)
	organization := string(localOrganization)
	s.Insert("Organization", tds.Row{"Id": organization, "Name": "one", "LicenseKey": "KEY-one"})
	s.Insert("OrganizationUser", tds.Row{"Id": memberID, "OrganizationId": organization, "UserId": accountID})
	s.Insert("User", tds.Row{"Id": accountID, "Name": "Mia", "Email": "mia@one.example"})
	s.Insert("OrganizationConnection", tds.Row{"Id": accountID, "OrganizationId": organization, "Type": 1, "Enabled": true,
		"Config": `{"BillingSyncKey":"TOKEN-one","CloudOrganizationId":"` + cloudOrganization + `"}`})
	s.Insert("OrganizationConnection", tds.Row{"Id": lostRow, "OrganizationId": organization, "Type": 2, "Enabled": true, "Config": "SECRET of another type"})
	s.Insert("OrganizationSponsorship", tds.Row{
		"Id": secondRow, "SponsoringOrganizationId": organization, "SponsoringOrganizationUserID": memberID, "ToDelete": true, "IsAdminInitiated": true,
		"LastSyncDate": time.Date(2026, 8, 20, 19, 16, 19, 123456700, time.UTC), "ValidUntil": time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC),
	})
	s.Insert("OrganizationSponsorship", tds.Row{
		"Id": firstRow, "SponsoringOrganizationId": organization, "SponsoringOrganizationUserID": memberID, "ToDelete": false, "IsAdminInitiated": false,
		"OfferedToEmail": "Nan+Ä@example.test", "FriendlyName": "Großmutter 🦊 ",
	})
	s.Insert("OrganizationSponsorship", tds.Row{"Id": lostRow, "SponsoringOrganizationUserID": memberID, "ToDelete": false, "IsAdminInitiated": false})
	s.Insert("Migration", tds.Row{"ScriptName": "Bit.Migrator.DbScripts.2025-04-16_00_AdminInitiated.sql"})
	s.Insert("Migration", tds.Row{"ScriptName": "Bit.Migrator.DbScripts.2026-08-01_00_Newest.sql"})
	return s, connstring.Target{
		Engine: connstring.SQLServer, Host: "127.0.0.1", Port: s.Port(), Database: o.Database,
		User: o.User, Password: "p;=@/?", Encryption: connstring.Encryption{Mode: connstring.Plain},
	}
}

func TestSQLServerIsRead(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{})
	d := open(t, database.Options{Target: target})
	got := jobstest.Value(d.Read(t.Context(), localOrganization))(t)
	if len(got.Rows) != 2 || len(got.Connections) != 1 {
		t.Fatalf("got %+v", got)
	}
	first, second := got.Rows[0], got.Rows[1]
	if first.ID != firstRow || first.User != memberID || first.Email != "Nan+Ä@example.test" || first.Name != "Großmutter 🦊 " ||
		first.Marked || first.Admin || first.Synced != nil || first.ValidUntil != nil || first.Unreadable != nil {
		t.Errorf("first row: %+v", first)
	}
	synced, until := time.Date(2026, 8, 20, 19, 16, 19, 123456000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	if second.ID != secondRow || second.Email != "" || second.Name != "" || !second.Marked || !second.Admin || second.Unreadable != nil ||
		second.Synced == nil || !second.Synced.Equal(synced) || second.ValidUntil == nil || !second.ValidUntil.Equal(until) {
		t.Errorf("second row: %+v, %v, %v", second, second.Synced, second.ValidUntil)
	}
	want := vault.Connection{ID: accountID, Enabled: true, CloudOrganization: cloudOrganization, Token: "TOKEN-one"}
	if got.Connections[0] != want {
		t.Errorf("connection: %+v", got.Connections[0])
	}
	if !got.Found || got.Name != "one" || got.LicenseKey.Reveal() != "KEY-one" || got.Head != "Bit.Migrator.DbScripts.2026-08-01_00_Newest.sql" ||
		len(got.Members) != 1 || !got.Members[memberID] || len(got.Detached) != 1 || !got.Detached[lostRow] {
		t.Errorf("organization: %+v", got)
	}
	people := jobstest.Value(d.People(t.Context(), localOrganization))(t)
	jobstest.Equal(t, "people", people[memberID], vault.Person{Name: "Mia", Email: "mia@one.example"})
	if empty := jobstest.Value(d.Read(t.Context(), nobody))(t); empty.Found || len(empty.Rows)+len(empty.Connections)+len(empty.Members) != 0 {
		t.Errorf("of nobody: %+v", empty)
	}
	everySessionIsPrepared(t, s)
}

// everySessionIsPrepared looks at each statement that came in: the driver resets a
// session before its first use, which would put the time-outs away again.
func everySessionIsPrepared(t *testing.T, s *tds.Server) {
	t.Helper()
	want := []string{"NOCOUNT OFF", "LOCK_TIMEOUT 1000", "DEADLOCK_PRIORITY LOW", "XACT_ABORT ON", "TRANSACTION ISOLATION LEVEL READ COMMITTED"}
	for _, r := range s.Requests() {
		if !strings.HasPrefix(r.Statement, "SET ") && !slices.Equal(r.Settings, want) {
			t.Errorf("%s: the session has %v", r.Statement, r.Settings)
		}
	}
}

func TestSQLServerNamesTheOrganizationsThatDiffer(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{})
	s.Insert("Organization", tds.Row{"Id": string(nobody)})
	d := open(t, database.Options{Target: target})
	differs(t, d, "at first")
	quiet(t, d, "nothing is new")
	s.Requests()
	quiet(t, d, "nothing is new")
	if asked := s.Requests(); len(asked) != 1 || strings.Count(asked[0].Statement, "CHECKSUM_AGG") != 3 {
		t.Errorf("while nothing changes: %v", asked)
	}
	for _, step := range []struct{ table, column string }{
		{"OrganizationSponsorship", "OfferedToEmail"}, {"OrganizationSponsorship", "FriendlyName"}, {"OrganizationConnection", "Config"}, {"Organization", "LicenseKey"},
	} {
		s.Update(step.table, func(row tds.Row) {
			if row["Id"] != secondRow && row["Id"] != lostRow {
				row[step.column] = "another"
			}
		})
		differs(t, d, step.column)
		quiet(t, d, "after "+step.column)
	}
}

// CHECKSUM_AGG adds without carry, so by itself it takes two rows that change alike, such
// as all those of a member who was removed, for none.
func TestSQLServerShowsEqualChanges(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{})
	s.Update("OrganizationSponsorship", func(row tds.Row) { row["ToDelete"] = false })
	d := open(t, database.Options{Target: target})
	differs(t, d, "at first")
	s.Update("OrganizationSponsorship", func(row tds.Row) { row["ToDelete"] = row["Id"] != lostRow })
	differs(t, d, "after two rows were marked")
}

func differs(t *testing.T, d *database.Database, when string) {
	t.Helper()
	if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{localOrganization}) {
		t.Errorf("%s: %v differ", when, got)
	}
}

// A session that was cut costs nobody a look, and the next one is prepared as the first.
func TestSQLServerRestarts(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{})
	d := open(t, database.Options{Target: target})
	for range 3 {
		if got := jobstest.Value(d.Read(t.Context(), localOrganization))(t); len(got.Rows) != 2 {
			t.Errorf("got %+v", got)
		}
		s.Drop()
	}
	everySessionIsPrepared(t, s)
}

func TestSQLServerErrors(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{})
	d := open(t, database.Options{Target: target})
	jobstest.Value(d.Read(t.Context(), localOrganization))(t)
	for number, want := range map[int32]fault.Code{
		207: fault.BridgeSchemaUnknown, 208: fault.BridgeSchemaUnknown, 229: fault.BridgeSchemaUnknown, 230: fault.BridgeSchemaUnknown,
		1205: fault.BridgeDatabaseUnavailable, 1222: fault.BridgeDatabaseUnavailable, 40613: fault.BridgeDatabaseUnavailable,
	} {
		s.FailNext(number, "the server's own words")
		s.FailNext(number, "the server's own words") // a session that may be dead is tried anew
		_, err := d.Read(t.Context(), localOrganization)
		wantFault(t, err, want, "the server's own words")
		s.ForgetFailures()
		if got := jobstest.Value(d.Read(t.Context(), localOrganization))(t); len(got.Rows) != 2 {
			t.Errorf("after %d: %+v", number, got)
		}
	}
	for _, change := range []func(*connstring.Target){
		func(t *connstring.Target) { t.Password = "wrong-hunter2" },
		func(t *connstring.Target) { t.Database = "master" },
		func(t *connstring.Target) { t.Encryption.Mode = connstring.Required }, // which the stand-in does not offer
	} {
		wrong := target
		change(&wrong)
		_, err := open(t, database.Options{Target: wrong}).Read(t.Context(), localOrganization)
		wantFault(t, err, fault.BridgeDatabaseUnavailable)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v shows the password", err)
		}
	}
}

func TestSQLServerRightsAreToldApart(t *testing.T) {
	t.Parallel()
	_, target := standIn(t, tds.Options{Administrator: true})
	report := jobstest.Value(open(t, database.Options{Target: target}).Check(t.Context()))(t)
	if len(report.Missing) != 0 || len(report.Beyond) < 3 || !strings.Contains(report.Beyond[0].Missing, "server administrator") {
		t.Errorf("of an administrator: %+v", report)
	}
	granted := database.Grants(connstring.SQLServer, "bridge", false)
	_, target = standIn(t, tds.Options{May: by(granted)})
	d := open(t, database.Options{Target: target})
	report = jobstest.Value(d.Check(t.Context()))(t)
	if len(report.Missing)+len(report.Beyond) != 0 || report.Head == "" {
		t.Errorf("with the least rights: %+v", report)
	}
	differs(t, d, "changed")
	_, err := d.People(t.Context(), localOrganization)
	wantFault(t, err, fault.BridgeSchemaUnknown, "permission was denied")

	for _, column := range []string{"OfferedToEmail", "IsAdminInitiated"} {
		_, target = standIn(t, tds.Options{May: by(granted, column)})
		_, err = open(t, database.Options{Target: target}).Read(t.Context(), localOrganization)
		wantFault(t, err, fault.BridgeSchemaUnknown, column, "GRANT SELECT ON OBJECT::[dbo].[OrganizationSponsorship] (["+column+"]) TO [bridge]]];")
	}
}

// by grants what the statements say, but for some columns.
func by(grants []string, except ...string) func(right, table, column string) bool {
	return func(right, table, column string) bool {
		return !slices.Contains(except, column) && slices.ContainsFunc(grants, func(g string) bool {
			return strings.HasPrefix(g, "GRANT "+right+" ") && strings.Contains(g, "["+table+"]") &&
				(column == "" && !strings.Contains(g, "] (") || column != "" && strings.Contains(g, "["+column+"]"))
		})
	}
}

// An administrator sees every column there is, so one that he does not see is not there.
func TestAnOlderSQLServerHasNoOffersByAdmins(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{Administrator: true})
	s.DropColumn("OrganizationSponsorship", "IsAdminInitiated")
	d := open(t, database.Options{Target: target})
	if got := jobstest.Value(d.Read(t.Context(), localOrganization))(t); len(got.Rows) != 2 || got.Rows[1].Admin {
		t.Errorf("got %+v", got)
	}
	differs(t, d, "changed")
	s.DropColumn("OrganizationSponsorship", "OfferedToEmail")
	_, err := open(t, database.Options{Target: target}).Read(t.Context(), localOrganization)
	wantFault(t, err, fault.BridgeSchemaUnknown, "has no column OfferedToEmail")
}
