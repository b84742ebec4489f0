package database_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

func TestReadsWhatTheServerWrote(t *testing.T) {
	onEach(t, vaulttest.Setup{Clock: everLater()}, func(t *testing.T, v *vaulttest.Vault) {
		one, other := found(t, v, "one"), found(t, v, "other")
		jobstest.Must(t, v.SaveSCIM(t.Context(), string(one.organization)))
		name := "Großmutter 🦊 "
		jobstest.Must(t, v.Offer(t.Context(), vaulttest.Offer{Member: one.member, Email: "Nan+Ä@example.test", Name: &name}))
		jobstest.Must(t, v.Offer(t.Context(), vaulttest.Offer{Member: one.member, Email: "aunt@example.test", Admin: true}))
		offer(t, v, other.member, "uncle@example.test")

		got := look(t, reader(t, v), one)
		if len(got.Rows) != 2 || len(got.Connections) != 1 {
			t.Fatalf("got %+v", got)
		}
		first, second := got.Rows[0], got.Rows[1]
		if !sponsorship.ID(first.ID).Valid() || first.User != sponsorship.ID(one.member) || first.Email != "Nan+Ä@example.test" || first.Name != name ||
			first.Marked || first.Admin || first.Synced != nil || first.ValidUntil != nil || first.Unreadable != nil {
			t.Errorf("first row: %+v", first)
		}
		if second.User != sponsorship.ID(one.member) || !second.Admin || second.Name != "" || second.Email != "aunt@example.test" {
			t.Errorf("second row: %+v", second)
		}
		if vault.Born(first.ID).After(vault.Born(second.ID)) {
			t.Errorf("the younger row comes first")
		}
		c := got.Connections[0]
		if !c.Enabled || c.CloudOrganization != cloudOrganization || c.Token.Reveal() != "TOKEN-one" || c.Unreadable != "" {
			t.Errorf("connection: %+v", c)
		}
		if !got.Found || got.Name != "one" || got.LicenseKey.Reveal() != "KEY-one" || len(got.Detached) != 0 || got.Head != v.Head() {
			t.Errorf("organization: %+v", got)
		}
		if len(got.Members) != 1 || !got.Members[sponsorship.ID(one.member)] {
			t.Errorf("members: %v", got.Members)
		}
	})
}

func TestReadsMarksAndDates(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		offer(t, v, of.member, "nan@example.test")
		setDates(t, v, "2026-08-20 19:16:19.1234567", "2027-01-02 03:04:05")
		jobstest.Must(t, v.Revoke(t.Context(), of.member))
		row := look(t, reader(t, v), of).Rows[0]
		synced, until := time.Date(2026, 8, 20, 19, 16, 19, 123456000, time.UTC), time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
		if !row.Marked || row.Synced == nil || row.Synced.Sub(synced).Abs() > time.Microsecond || row.ValidUntil == nil || !row.ValidUntil.Equal(until) {
			t.Errorf("got %+v, %v, %v", row, row.Synced, row.ValidUntil)
		}
	})
}

// setDates writes dates of all rows as texts; PostgreSQL takes them as UTC.
func setDates(t *testing.T, v *vaulttest.Vault, synced, until string) {
	t.Helper()
	switch v.Engine {
	case vaulttest.PostgreSQL:
		run(t, v, `UPDATE "OrganizationSponsorship" SET "LastSyncDate" = $1::text::timestamptz, "ValidUntil" = $2::text::timestamptz`, synced, until)
	case vaulttest.MariaDB:
		run(t, v, "UPDATE OrganizationSponsorship SET LastSyncDate = ?, ValidUntil = ?", synced, until)
	default:
		run(t, v, "UPDATE OrganizationSponsorship SET LastSyncDate = ?, ValidUntil = ?", synced, until)
	}
}

// SQLite lets anything stand in a date. What the server reads wrongly or not at all
// is named; the rest is as it was meant.
func TestOddDatesAreNamed(t *testing.T) {
	t.Parallel()
	v := vaulttest.New(t, vaulttest.SQLite, vaulttest.Setup{})
	of := found(t, v, "one")
	offer(t, v, of.member, "nan@example.test")
	d := reader(t, v)
	day := time.Date(2026, 8, 20, 0, 0, 0, 0, time.UTC)
	at := day.Add(19*time.Hour + 16*time.Minute + 19*time.Second)
	for text, want := range map[any]time.Time{
		"2026-08-20 19:16:19.1234567": at.Add(123456 * time.Microsecond), "2026-08-20 19:16:19.9999999": at.Add(999999 * time.Microsecond),
		"2026-08-20 19:16:19": at, "2026-08-20T19:16:19": at, "2026-08-20": day,
		"": {}, "2026-08-20 19:16:19Z": {}, "2026-08-20T19:16:19+00:00": {}, "2026-08-20 19:16:19 +0000 UTC": {}, "soon": {}, 1755717379: {}, 3.5: {},
	} {
		run(t, v, "UPDATE OrganizationSponsorship SET LastSyncDate = ?", text)
		row := look(t, d, of).Rows[0]
		switch {
		case want.IsZero() && (row.Synced != nil || !slices.Equal(row.Unreadable, []string{"LastSyncDate"})):
			t.Errorf("%v: read as %v, unreadable %v", text, row.Synced, row.Unreadable)
		case !want.IsZero() && (row.Synced == nil || !row.Synced.Equal(want) || row.Unreadable != nil):
			t.Errorf("%v: read as %v, unreadable %v, want %v", text, row.Synced, row.Unreadable, want)
		}
	}
	run(t, v, "UPDATE OrganizationSponsorship SET ToDelete = 'true', LastSyncDate = NULL")
	if row := look(t, d, of).Rows[0]; row.Marked {
		t.Error("a text in ToDelete is taken for a mark, which the server does not do")
	}
}

func TestDatesWithoutEndAreNamed(t *testing.T) {
	t.Parallel()
	for engine, statement := range map[vaulttest.Engine]string{
		vaulttest.PostgreSQL: `UPDATE "OrganizationSponsorship" SET "ValidUntil" = 'infinity'`,
		vaulttest.MariaDB:    "UPDATE OrganizationSponsorship SET ValidUntil = '0000-00-00 00:00:00'",
	} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			v := vaulttest.New(t, engine, vaulttest.Setup{})
			of := found(t, v, "one")
			offer(t, v, of.member, "nan@example.test")
			if engine == vaulttest.MariaDB {
				v.DB.SetMaxOpenConns(1) // the session that allows it must be the one that does it
				run(t, v, "SET SESSION sql_mode = ''")
			}
			run(t, v, statement)
			if row := look(t, reader(t, v), of).Rows[0]; row.ValidUntil != nil || !slices.Equal(row.Unreadable, []string{"ValidUntil"}) {
				t.Errorf("got %v, unreadable %v", row.ValidUntil, row.Unreadable)
			}
		})
	}
}

func TestADeletedOrganizationDetachesItsRows(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		offer(t, v, of.member, "nan@example.test")
		d := reader(t, v)
		row := look(t, d, of).Rows[0]
		pending := jobstest.Value(v.BeginDeleteOrganization(t.Context(), string(of.organization)))(t)
		if got := look(t, d, of); !got.Found || len(got.Rows) != 1 || len(got.Connections) != 0 || got.Members == nil || len(got.Members) != 0 {
			t.Errorf("half deleted: %+v", got)
		}
		jobstest.Must(t, pending.Finish(t.Context()))
		if got := look(t, d, of); got.Found || len(got.Rows) != 0 || !got.Detached[row.ID] {
			t.Errorf("deleted: %+v", got)
		}
	})
}

func TestNullsAndZeros(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		offer(t, v, of.member, "nan@example.test")
		statement := `UPDATE "OrganizationSponsorship" SET "OfferedToEmail" = NULL, "FriendlyName" = NULL, "PlanSponsorshipType" = NULL, "SponsoringOrganizationUserId" = '00000000-0000-0000-0000-000000000000'`
		key := `UPDATE "Organization" SET "LicenseKey" = NULL`
		if v.Engine == vaulttest.MariaDB {
			statement, key = strings.ReplaceAll(statement, `"`, "`"), strings.ReplaceAll(key, `"`, "`")
		}
		run(t, v, statement)
		run(t, v, key)
		got := look(t, reader(t, v), of)
		row := got.Rows[0]
		if row.Email != "" || row.Name != "" || row.User != "00000000-0000-0000-0000-000000000000" || row.Unreadable != nil || got.LicenseKey != "" {
			t.Errorf("got %+v", got)
		}
	})
}

// The server compares the names of the configuration exactly, and stores an empty token, too.
func TestConnections(t *testing.T) {
	t.Parallel()
	v := vaulttest.New(t, vaulttest.SQLite, vaulttest.Setup{})
	of := found(t, v, "one")
	d := reader(t, v)
	for config, want := range map[any]vault.Connection{
		`{"BillingSyncKey":"k","CloudOrganizationId":"` + strings.ToUpper(cloudOrganization) + `","LastLicenseSync":"2026-08-20T14:16:19.1234567-05:00"}`: {Token: "k", CloudOrganization: cloudOrganization},
		`{"BillingSyncKey":"","CloudOrganizationId":"` + cloudOrganization + `"}`:                                                                         {CloudOrganization: cloudOrganization},
		`{"BillingSyncKey":null,"CloudOrganizationId":"` + cloudOrganization + `"}`:                                                                       {CloudOrganization: cloudOrganization},
		`{"billingSyncKey":"k","CloudOrganizationId":"` + cloudOrganization + `"}`:                                                                        {CloudOrganization: cloudOrganization},
		`{"BillingSyncKey":"k","cloudOrganizationId":"` + cloudOrganization + `"}`:                                                                        {Unreadable: "its cloud organization is no id"},
		`{"BillingSyncKey":7,"CloudOrganizationId":"` + cloudOrganization + `"}`:                                                                          {Unreadable: "its token is no text"},
		`"k"`:  {Unreadable: "its configuration is no JSON object"},
		`null`: {Unreadable: "its configuration is no JSON object"},
		``:     {Unreadable: "its configuration is no JSON object"},
		nil:    {Unreadable: "it has no configuration"},
	} {
		run(t, v, "UPDATE OrganizationConnection SET Config = ?, Enabled = 0", config)
		got := look(t, d, of).Connections[0]
		want.ID = got.ID
		if got != want {
			t.Errorf("%v: got %+v, want %+v", config, got, want)
		}
	}
}

func TestAnOlderServerHasNoOffersByAdmins(t *testing.T) {
	onEach(t, vaulttest.Setup{Older: true}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		offer(t, v, of.member, "nan@example.test")
		d := reader(t, v)
		if got := look(t, d, of); len(got.Rows) != 1 || got.Rows[0].Admin || got.Head != v.Head() {
			t.Errorf("got %+v", got)
		}
		if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{of.organization}) {
			t.Errorf("changed: %v", got)
		}
	})
}
