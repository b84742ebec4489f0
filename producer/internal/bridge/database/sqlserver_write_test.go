package database_test

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/tds"
)

var local = team{organization: localOrganization}

// rowOf is a row of the stand-in, by its id.
func rowOf(s *tds.Server, id string) tds.Row {
	for _, row := range s.Rows("OrganizationSponsorship") {
		if row["Id"] == id {
			return row
		}
	}
	return nil
}

func TestSQLServerIsWritten(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{})
	d := open(t, database.Options{Target: target, Writes: true})
	synced := time.Date(2026, 8, 20, 21, 16, 19, 123456999, time.FixedZone("", 2*60*60))
	until := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	first, second := rowOf(s, firstRow), rowOf(s, secondRow)
	row := look(t, d, local).Rows[0]
	write(t, d, local, vault.Write{Was: row, Synced: &synced, ValidUntil: &until, Marked: true}, vault.Written)
	first["LastSyncDate"], first["ValidUntil"], first["ToDelete"] = time.Date(2026, 8, 20, 19, 16, 19, 123456000, time.UTC), until, true
	if got := rowOf(s, firstRow); !maps.Equal(got, first) {
		t.Errorf("the row is\n%v, want\n%v", got, first)
	}
	write(t, d, local, vault.Write{Was: row, Delete: true}, vault.Overtaken)
	write(t, d, local, vault.Write{Was: look(t, d, local).Rows[0], Delete: true}, vault.Written)
	// The other row has a digit more than we compute with, and no texts at all.
	row = look(t, d, local).Rows[0]
	write(t, d, local, vault.Write{Was: row, Marked: false, Synced: row.Synced, ValidUntil: row.ValidUntil}, vault.Written)
	second["ToDelete"] = false
	if got := rowOf(s, secondRow); !maps.Equal(got, second) {
		t.Errorf("the other row is\n%v, want\n%v", got, second)
	}
	if left := s.Rows("OrganizationSponsorship"); len(left) != 2 {
		t.Errorf("left: %v", left)
	}
	everySessionIsPrepared(t, s)
}

// As the other engines; here the comparison of SQL Server itself takes the first ones for equal.
func TestSQLServerLeavesAChangedRowAlone(t *testing.T) {
	t.Parallel()
	for column, others := range map[string][]any{
		"OfferedToEmail":               {"nan+Ä@example.test", "Nan+ä@example.test", "Nan+Ä@example.test ", "", nil},
		"FriendlyName":                 {"Großmutter 🦊", "großmutter 🦊 ", nil},
		"ToDelete":                     {true},
		"IsAdminInitiated":             {true},
		"SponsoringOrganizationUserID": {accountID},
		"SponsoringOrganizationId":     {string(nobody), nil},
		"LastSyncDate":                 {time.Date(2026, 8, 20, 19, 16, 19, 123456800, time.UTC), nil},
		"ValidUntil":                   {time.Date(2026, 8, 20, 0, 0, 0, 0, time.UTC)},
	} {
		for _, other := range others {
			s, target := standIn(t, tds.Options{})
			change := func(set any) func(tds.Row) {
				return func(row tds.Row) {
					if row["Id"] == firstRow {
						row[column] = set
					}
				}
			}
			if column == "LastSyncDate" {
				s.Update("OrganizationSponsorship", change(time.Date(2026, 8, 20, 19, 16, 19, 123456700, time.UTC)))
			}
			d := open(t, database.Options{Target: target, Writes: true})
			row := look(t, d, local).Rows[0]
			s.Update("OrganizationSponsorship", change(other))
			before := rowOf(s, firstRow)
			write(t, d, local, vault.Write{Was: row, Marked: true, ValidUntil: new(time.Now())}, vault.Overtaken)
			write(t, d, local, vault.Write{Was: row, Delete: true}, vault.Overtaken)
			if got := rowOf(s, firstRow); !maps.Equal(got, before) {
				t.Errorf("%s %v: the row became %v", column, other, got)
			}
		}
	}
}

// The bytes were written by hand: types and lengths from MS-TDS 2.2.5, text in UTF-16, dates
// in tenths of microseconds and days since the year 1, lowest byte first.
func TestWhatSQLServerIsSentToWrite(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{})
	d := open(t, database.Options{Target: target, Writes: true})
	row := look(t, d, local).Rows[0]
	row.Email, row.Name = "Ä", "🦊"
	synced, until := time.Date(2026, 8, 20, 19, 16, 19, 123456999, time.UTC), time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	s.Requests()
	write(t, d, local, vault.Write{Was: row, Synced: &synced, ValidUntil: &until}, vault.Overtaken)
	sent := s.Requests()
	if len(sent) != 1 {
		t.Fatalf("%d statements, want one", len(sent))
	}
	want := []tds.Parameter{
		{Type: 0x2a, Info: []byte{7}, Data: []byte("\x00\x1a\x2e\x89\xa1" + "\x07\x4a\x0b")}, // 693,791,234,560 tenths, day 739,847
		{Type: 0x2a, Info: []byte{7}, Data: []byte("\x80\x40\x55\xb7\x19" + "\x8e\x4a\x0b")}, // 110,450,000,000 tenths, day 739,982
		{}, {}, {},
		{Type: 0xe7, Data: []byte("\xc4\x00")},
		{Type: 0xe7, Data: []byte("\x3e\xd8\x8a\xdd")},
		{Type: 0xe7, Data: []byte{}},
		{Type: 0xe7, Data: []byte{}},
	}
	got := sent[0].Parameters
	if len(got) != len(want) {
		t.Fatalf("%d parameters of %s, want %d", len(got), sent[0].Statement, len(want))
	}
	for i, w := range want {
		if w.Type != 0 && (got[i].Type != w.Type || w.Info != nil && !bytes.Equal(got[i].Info, w.Info) || got[i].Data == nil || !bytes.Equal(got[i].Data, w.Data)) {
			t.Errorf("%s is of type %#x, info % x, data % x; want %#x, % x, % x", got[i].Name, got[i].Type, got[i].Info, got[i].Data, w.Type, w.Info, w.Data)
		}
	}
}

func TestSQLServerIsBusy(t *testing.T) {
	t.Parallel()
	s, target := standIn(t, tds.Options{})
	d := open(t, database.Options{Target: target, Writes: true})
	row := look(t, d, local).Rows[0]
	for _, number := range []int32{1205, 1222} {
		s.FailNext(number, "the server's own words")
		write(t, d, local, vault.Write{Was: row, Marked: true}, vault.Busy)
	}
	s.FailNext(547, "a constraint of somebody else's")
	s.FailNext(547, "a constraint of somebody else's")
	_, err := d.Write(t.Context(), localOrganization, vault.Write{Was: row, Marked: true})
	wantFault(t, err, fault.BridgeDatabaseUnavailable, "write to row "+firstRow, "a constraint of somebody else's")
	s.Drop()
	write(t, d, local, vault.Write{Was: row, Marked: true}, vault.Written)
	everySessionIsPrepared(t, s)
}

func TestSQLServerRightsToWrite(t *testing.T) {
	t.Parallel()
	all := database.Grants(connstring.SQLServer, "bridge", true)
	_, target := standIn(t, tds.Options{May: by(all)})
	d := open(t, database.Options{Target: target, Writes: true})
	if report := jobstest.Value(d.Check(t.Context()))(t); len(report.Missing)+len(report.Beyond) != 0 {
		t.Errorf("with the least rights: %+v", report)
	}
	row := look(t, d, local).Rows[0]
	write(t, d, local, vault.Write{Was: row, Marked: true, Synced: new(time.Now()), ValidUntil: new(time.Now())}, vault.Written)
	write(t, d, local, vault.Write{Was: look(t, d, local).Rows[0], Delete: true}, vault.Written)
	if report := jobstest.Value(open(t, database.Options{Target: target}).Check(t.Context()))(t); !mentions(report.Beyond, "UPDATE of LastSyncDate, ToDelete, ValidUntil", "DELETE") {
		t.Errorf("the same rights in read mode: %+v", report)
	}

	_, target = standIn(t, tds.Options{May: by(database.Grants(connstring.SQLServer, "bridge", false))})
	d = open(t, database.Options{Target: target, Writes: true})
	_, err := d.Write(t.Context(), localOrganization, vault.Write{Was: row, Marked: true})
	wantFault(t, err, fault.BridgeDatabaseUnavailable, "GRANT UPDATE ON OBJECT::[dbo].[OrganizationSponsorship] ([LastSyncDate], [ValidUntil], [ToDelete]) TO [bridge]]];",
		"GRANT DELETE ON OBJECT::[dbo].[OrganizationSponsorship] TO [bridge]]];")
	_, err = open(t, database.Options{Target: target}).Write(t.Context(), localOrganization, vault.Write{Was: row, Marked: true})
	wantFault(t, err, fault.BridgeDatabaseUnavailable, "reading only") // here no session refuses it
}
