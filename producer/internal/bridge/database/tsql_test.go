package database_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqlc-dev/teesql/parser"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/tds"
)

// statements are all that SQL Server is ever sent, as the stand-in got them, and the
// rights that we recommend; each with the parameters that it has declared.
func statements(t *testing.T) []string {
	t.Helper()
	s, target := standIn(t, tds.Options{})
	d := open(t, database.Options{Target: target, Writes: true})
	jobstest.Value(d.Check(t.Context()))(t)
	changed(t.Context(), t, d)
	jobstest.Value(d.Read(t.Context(), localOrganization))(t)
	jobstest.Value(d.People(t.Context(), localOrganization))(t)
	row := look(t, d, local).Rows[0]
	write(t, d, local, vault.Write{Was: row, Synced: new(time.Now()), ValidUntil: new(time.Now()), Marked: true}, vault.Written)
	write(t, d, local, vault.Write{Was: look(t, d, local).Rows[0], Delete: true}, vault.Written)
	var found []string
	for _, r := range s.Requests() {
		text := r.Statement
		if r.Declared != "" {
			text = "DECLARE " + r.Declared + ";\n" + text
		}
		if !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	return append(found, database.Grants(connstring.SQLServer, "sponsorsync", true)...)
}

// The acceptance script has a real server parse what is in the file.
func TestSQLServerAcceptanceCoversEveryStatement(t *testing.T) {
	t.Parallel()
	want := strings.Join(statements(t), "\nGO\n") + "\nGO\n"
	if got := string(jobstest.Value(os.ReadFile("sqlserver.sql"))(t)); got != want {
		t.Errorf("sqlserver.sql should be\n%s", want)
	}
}

// A parser of T-SQL takes them, each as what it is and with nothing left over. It is not
// Microsoft's, and laxer in places, such as in a GRANT.
func TestSQLServerStatementsParse(t *testing.T) {
	t.Parallel()
	for _, text := range statements(t) {
		want := strings.Count(strings.TrimSuffix(text, ";"), ";") + 1
		if got := parsed(t, text); got != want {
			t.Errorf("%s: parsed as %d statements, want %d", text, got, want)
		}
	}
	for _, text := range []string{
		"SELECT [Id] FROM [Organization] LIMIT 1", "SELECT LOWER(CONVERT(char(36), [Id]) FROM [Organization]", "SELECT `Id` FROM `Organization`",
		"SELECT [Id] FROM [Organization] WHERE", "SET LOCK_TIMEOUT",
	} {
		if got := parsed(t, text); got == 1 {
			t.Errorf("%s was taken for T-SQL", text)
		}
	}
}

// parsed returns how many statements a text is, 0 where it is none.
func parsed(t *testing.T, text string) int {
	t.Helper()
	script, err := parser.Parse(t.Context(), strings.NewReader(text))
	if err != nil {
		return 0
	}
	count := 0
	for _, batch := range script.Batches {
		count += len(batch.Statements)
	}
	return count
}
