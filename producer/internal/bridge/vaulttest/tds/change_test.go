package tds_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/tds"
)

func TestBytesOfTextsAreCompared(t *testing.T) {
	t.Parallel()
	s, db := started(t)
	s.Insert("Organization", tds.Row{"Id": id, "Name": "Größe "})
	s.Insert("Organization", tds.Row{"Id": id})
	for text, want := range map[string]int{"Größe ": 1, "Größe": 0, "größe ": 0, "Große ": 0, "Größe \x00": 1, "": 1} {
		var got int
		err := db.QueryRowContext(t.Context(), "SELECT COUNT_BIG(*) FROM [Organization] WHERE "+
			"CAST(COALESCE([Name], '') AS varbinary(512)) = CAST(CAST(@p1 AS nvarchar(256)) AS varbinary(512))", text).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%q: %d rows (%v), want %d", text, got, err, want)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	s, db := started(t)
	for n := range 3 {
		s.Insert("OrganizationSponsorship", tds.Row{"Id": id, "ToDelete": n == 2, "FriendlyName": fmt.Sprint("row ", n)})
	}
	at := time.Date(2026, 8, 20, 19, 16, 19, 123456700, time.FixedZone("", 2*60*60))
	for _, step := range []struct {
		statement string
		args      []any
		met       int64
		want      any // LastSyncDate of the first row
	}{
		{"UPDATE [OrganizationSponsorship] SET [LastSyncDate] = @p1 WHERE [ToDelete] = 0", []any{civil.DateTimeOf(at.UTC())}, 2, time.Date(2026, 8, 20, 17, 16, 19, 123456700, time.UTC)},
		{"UPDATE [OrganizationSponsorship] SET [LastSyncDate] = @p1 WHERE [ToDelete] = 0", []any{at}, 2, time.Date(2026, 8, 20, 19, 16, 19, 123456700, time.UTC)}, // the offset is dropped
		{"UPDATE [OrganizationSponsorship] SET [LastSyncDate] = NULL, [ToDelete] = 1 WHERE [FriendlyName] = 'row 0'", nil, 1, nil},
		{"UPDATE [OrganizationSponsorship] SET [ToDelete] = 0 WHERE [FriendlyName] = @p1", []any{"nobody"}, 0, nil},
		{"DELETE FROM [OrganizationSponsorship] WHERE [ToDelete] = 1 AND [FriendlyName] = @p1", []any{"ROW 2"}, 1, nil},
	} {
		result := jobstest.Value(db.ExecContext(t.Context(), step.statement, step.args...))(t)
		if met := jobstest.Value(result.RowsAffected())(t); met != step.met {
			t.Errorf("%s: met %d rows, want %d", step.statement, met, step.met)
		}
		if got := s.Rows("OrganizationSponsorship")[0]["LastSyncDate"]; got != step.want {
			t.Errorf("%s: the date is %v, want %v", step.statement, got, step.want)
		}
	}
	if left := s.Rows("OrganizationSponsorship"); len(left) != 2 || left[0]["ToDelete"] != true || left[0]["FriendlyName"] != "row 0" || left[1]["ToDelete"] != false {
		t.Errorf("left: %v", left)
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := tds.Start(t, tds.Options{User: "writer", Password: "secret", Database: "vault", May: func(right, table, column string) bool {
		return right == "SELECT" || right == "UPDATE" && column == "ToDelete"
	}})
	s.Insert("OrganizationSponsorship", tds.Row{"Id": id, "ToDelete": false})
	db := jobstest.Value(sql.Open("sqlserver", fmt.Sprintf("sqlserver://writer:secret@127.0.0.1:%d?database=vault&encrypt=disable", s.Port())))(t)
	t.Cleanup(func() { jobstest.Must(t, db.Close()) })
	for statement, want := range map[string]int32{
		"UPDATE [OrganizationSponsorship] SET [LastSyncDate] = NULL WHERE [ToDelete] = 0":            230,
		"DELETE FROM [OrganizationSponsorship] WHERE [ToDelete] = 0":                                 229,
		"UPDATE [OrganizationSponsorship] SET [ToDelete] = 1":                                        102, // all rows
		"UPDATE [OrganizationSponsorship] SET [ToDelete] = 1 WHERE [ToDelete] = 0 LIMIT 1":           102,
		"UPDATE [OrganizationSponsorship] SET [Todelete] = 1 WHERE [ToDelete] = 0":                   207,
		"UPDATE [OrganizationSponsorship] SET [ToDelete] = 'x' WHERE [ToDelete] = 0":                 206,
		"UPDATE [OrganizationSponsorship] SET [ToDelete] = 1 WHERE [Id] = CAST('x' AS varbinary(9))": 206,
	} {
		_, err := db.ExecContext(t.Context(), statement)
		e, _ := errors.AsType[mssql.Error](err)
		if err == nil || e.Number != want {
			t.Errorf("%s: %v (number %d), want number %d", statement, err, e.Number, want)
		}
	}
	if rows := s.Rows("OrganizationSponsorship"); len(rows) != 1 || rows[0]["ToDelete"] != false {
		t.Errorf("left: %v", rows)
	}
}
