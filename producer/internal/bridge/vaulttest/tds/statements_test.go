package tds_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/tds"
)

// Each condition is evaluated: what SQL Server says differently from other engines is here.
func TestConditions(t *testing.T) {
	t.Parallel()
	s, db := started(t)
	s.Insert("Organization", tds.Row{"Id": id, "Name": "Größe ", "LicenseKey": "KEY"})
	s.Insert("OrganizationUser", tds.Row{"OrganizationId": id})
	s.Insert("OrganizationUser", tds.Row{})
	s.Insert("Organization", tds.Row{"Id": "00000000-0000-0000-0000-000000000000"})
	for condition, want := range map[string]int{
		"[Name] = N'GRÖßE'":                                         1, // no case, no trailing blanks
		"[Name] = N'Grösse'":                                        0,
		"[Name] = N' Größe'":                                        0,
		"[Id] = N'0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9'":            1,
		"[Name] = NULL":                                             0,
		"[Name] = NULL OR [Name] IS NULL":                           1,
		"[Name] IS NOT NULL":                                        1,
		"[Id] IN (SELECT [OrganizationId] FROM [OrganizationUser])": 1,
		"[Name] IN (N'x', N'größe')":                                1,
		"[LicenseKey] = 'KEY' AND [Name] = 'x'":                     0,
		"([LicenseKey] = 'KEY' OR [Name] = 'x') AND 1 = 1":          1,
	} {
		var got int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT_BIG(*) FROM [Organization] WHERE "+condition).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d rows (%v), want %d", condition, got, err, want)
		}
	}
}

// What is no T-SQL, or none that the stand-in knows, is an error and never an answer.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s, db := started(t)
	s.Insert("Organization", tds.Row{"Id": id})
	s.Insert("OrganizationUser", tds.Row{"OrganizationId": id})
	s.Insert("OrganizationUser", tds.Row{})
	for statement, want := range map[string]int32{
		"SELECT [Nme] FROM [Organization]":                           207,
		"SELECT [id] FROM [Organization]":                            207, // names are exact
		"SELECT [Id] FROM [Organizations]":                           208,
		"SELECT [Id] FROM [Organization] WHERE [Id] = 'no id'":       8169,
		"SELECT [Id] FROM [Organization] LIMIT 1":                    102,
		"SELECT `Id` FROM Organization":                              102,
		"SELECT [Id] FROM [Organization] WHERE [Id] = @p2":           137,
		"SELECT [Id], COUNT_BIG(*) FROM [Organization]":              8120,
		"SELECT CONVERT(varchar(27), [Id], 121) FROM [Organization]": 8170,
		"SELECT LENGTH([Id]) FROM [Organization]":                    195,
		"SET NAMES utf8":             102,
		"DELETE FROM [Organization]": 102,
		"SELECT [Id] FROM [Organization] WHERE [Name] = N'open":                        105,
		"SELECT (SELECT [Id], [Name] FROM [Organization]) FROM [Organization]":         116,
		"SELECT (SELECT [OrganizationId] FROM [OrganizationUser]) FROM [Organization]": 512,
	} {
		var got string
		err := db.QueryRowContext(t.Context(), statement).Scan(&got)
		e, _ := errors.AsType[mssql.Error](err)
		if err == nil || e.Number != want {
			t.Errorf("%s: %v (number %d), want number %d", statement, err, e.Number, want)
		}
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	s := tds.Start(t, tds.Options{User: "reader", Password: "secret", Database: "vault"})
	for url, want := range map[string]int32{
		"sqlserver://reader:secret@127.0.0.1:%d?database=vault&encrypt=disable":  0,
		"sqlserver://reader:wrong@127.0.0.1:%d?database=vault&encrypt=disable":   18456,
		"sqlserver://reader:secret@127.0.0.1:%d?database=master&encrypt=disable": 4060,
	} {
		db := jobstest.Value(sql.Open("sqlserver", fmt.Sprintf(url, s.Port())))(t)
		err := db.PingContext(t.Context())
		e, _ := errors.AsType[mssql.Error](err)
		if e.Number != want || (err == nil) != (want == 0) {
			t.Errorf("%s: %v", url, err)
		}
		jobstest.Must(t, db.Close())
	}
}
