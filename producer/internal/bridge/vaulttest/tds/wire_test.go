package tds_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"testing"
	"time"

	_ "github.com/microsoft/go-mssqldb"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/tds"
)

const id = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

// idOnTheWire has the first three groups of id with their lowest byte first.
const idOnTheWire = "\x3d\x2c\x1b\x0a\x5f\x4e\x71\x60\x82\x93\xa4\xb5\xc6\xd7\xe8\xf9"

func started(t *testing.T) (*tds.Server, *sql.DB) {
	t.Helper()
	s := tds.Start(t, tds.Options{User: "reader", Password: "p;=@/?ä", Database: "vault"})
	db := jobstest.Value(sql.Open("sqlserver", fmt.Sprintf("sqlserver://reader:p%%3B%%3D%%40%%2F%%3F%%C3%%A4@127.0.0.1:%d?database=vault&encrypt=disable", s.Port())))(t)
	t.Cleanup(func() { jobstest.Must(t, db.Close()) })
	return s, db
}

// The bytes were written by hand from Microsoft's description of the protocol, MS-TDS 2.2.5.
func TestParametersArriveByteForByte(t *testing.T) {
	t.Parallel()
	s, db := started(t)
	for name, c := range map[string]struct {
		value        any
		of           byte
		declared     string
		info, data   string
		withoutBytes bool
	}{
		"text":     {value: "Ä🦊", of: 0xe7, declared: "@p1 nvarchar(3)", info: "\x06\x00\x00\x00\x00\x00\x00", data: "\xc4\x00\x3e\xd8\x8a\xdd"},
		"no text":  {value: sql.NullString{}, of: 0xe7, declared: "@p1 nvarchar(4000)", info: "\x40\x1f\x00\x00\x00\x00\x00", withoutBytes: true},
		"flag":     {value: true, of: 0x68, declared: "@p1 bit", info: "\x01", data: "\x01"},
		"number":   {value: int64(258), of: 0x26, declared: "@p1 bigint", info: "\x08", data: "\x02\x01\x00\x00\x00\x00\x00\x00"},
		"midnight": {value: time.Date(1, 1, 2, 0, 0, 0, 100, time.UTC), of: 0x2b, declared: "@p1 datetimeoffset(7)", info: "\x07", data: "\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00"},
		"a moment elsewhere": {
			value: time.Date(2000, 1, 1, 2, 0, 1, 0, time.FixedZone("", 2*60*60)), of: 0x2b, declared: "@p1 datetimeoffset(7)",
			info: "\x07", data: "\x80\x96\x98\x00\x00\x07\x24\x0b\x78\x00", // 10,000,000 tenths, day 730,119, in UTC; 120 minutes east
		},
	} {
		var got sql.NullString
		if err := db.QueryRowContext(t.Context(), "SELECT CONCAT(@p1)", c.value).Scan(&got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sent := s.Requests()
		r := sent[len(sent)-1]
		if r.Declared != c.declared || len(r.Parameters) != 1 {
			t.Errorf("%s: declared as %q, want %q; %d parameters", name, r.Declared, c.declared, len(r.Parameters))
			continue
		}
		p := r.Parameters[0]
		if p.Name != "@p1" || p.Type != c.of || !bytes.Equal(p.Info, []byte(c.info)) || !bytes.Equal(p.Data, []byte(c.data)) || (p.Data == nil) != c.withoutBytes {
			t.Errorf("%s: %s of type %#x, info % x, data % x; want %#x, % x, % x", name, p.Name, p.Type, p.Info, p.Data, c.of, c.info, c.data)
		}
	}
}

// An id that is read as it stands comes in another order of bytes than its text has:
// the trap that the bridge goes round by asking for text.
func TestAnIDReadAsItStandsIsMixedUp(t *testing.T) {
	t.Parallel()
	s, db := started(t)
	s.Insert("Organization", tds.Row{"Id": id})
	var raw []byte
	jobstest.Must(t, db.QueryRowContext(t.Context(), "SELECT [Id] FROM [Organization] WHERE [Id] = @p1", id).Scan(&raw))
	if string(raw) != idOnTheWire {
		t.Errorf("got % x, want % x", raw, idOnTheWire)
	}
	var text string
	jobstest.Must(t, db.QueryRowContext(t.Context(), "SELECT CONVERT(char(36), [Id]) FROM [Organization]").Scan(&text))
	if text != "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9" {
		t.Errorf("as text: %s", text)
	}
}

// A date is read as it stands, to the tenth of a microsecond.
func TestValuesComeAsTheirTypes(t *testing.T) {
	t.Parallel()
	s, db := started(t)
	at := time.Date(2026, 8, 20, 19, 16, 19, 123456700, time.UTC)
	long := string(bytes.Repeat([]byte("ß"), 6000)) // longer than a packet, and than any short text
	s.Insert("OrganizationSponsorship", tds.Row{"Id": id, "LastSyncDate": at, "ToDelete": true})
	s.Insert("OrganizationConnection", tds.Row{"Config": long, "Type": 1, "Enabled": false})
	var date, none sql.NullTime
	var marked sql.NullBool
	jobstest.Must(t, db.QueryRowContext(t.Context(), "SELECT [LastSyncDate], [ValidUntil], [ToDelete] FROM [OrganizationSponsorship]").Scan(&date, &none, &marked))
	if !date.Time.Equal(at) || none.Valid || !marked.Bool {
		t.Errorf("got %v, %v, %v", date, none, marked)
	}
	var config string
	var number int
	var enabled bool
	jobstest.Must(t, db.QueryRowContext(t.Context(), "SELECT [Config], [Type], [Enabled] FROM [OrganizationConnection]").Scan(&config, &number, &enabled))
	if config != long || number != 1 || enabled {
		t.Errorf("got %d bytes, %d, %v", len(config), number, enabled)
	}
}
