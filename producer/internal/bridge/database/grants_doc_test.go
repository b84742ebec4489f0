package database_test

import (
	"os"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
)

// What an administrator copies out of the document are the least rights.
func TestGrantsDocument(t *testing.T) {
	t.Parallel()
	text := string(jobstest.Value(os.ReadFile("GRANTS.md"))(t))
	for engine, user := range map[connstring.Engine]string{
		connstring.PostgreSQL: "sponsorsync", connstring.MySQL: "'sponsorsync'@'%'", connstring.SQLServer: "sponsorsync",
	} {
		want := "    " + strings.Join(database.Grants(engine, user, true), "\n    ") + "\n"
		if !strings.Contains(text, want) {
			t.Errorf("%s: GRANTS.md should have\n%s", engine, want)
		}
	}
}
