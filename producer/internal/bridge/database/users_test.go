package database_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// readGrants are the least that reading needs, written by hand, on the two engines
// that have users. In MySQL's the database's name is left out.
func readGrants(v *vaulttest.Vault) []string {
	grants := []string{
		`GRANT SELECT ("Id","SponsoringOrganizationId","SponsoringOrganizationUserId","FriendlyName","OfferedToEmail","LastSyncDate","ValidUntil","ToDelete","IsAdminInitiated") ON "OrganizationSponsorship" TO sponsorsync`,
		`GRANT SELECT ("Id","OrganizationId","Type","Enabled","Config") ON "OrganizationConnection" TO sponsorsync`,
		`GRANT SELECT ("Id","Name","LicenseKey") ON "Organization" TO sponsorsync`,
		`GRANT SELECT ("Id","OrganizationId") ON "OrganizationUser" TO sponsorsync`,
		`GRANT SELECT ("MigrationId") ON "__EFMigrationsHistory" TO sponsorsync`,
	}
	if v.Engine == vaulttest.PostgreSQL {
		return append([]string{`GRANT USAGE ON SCHEMA public TO sponsorsync`, `GRANT SELECT (xmin) ON "OrganizationSponsorship" TO sponsorsync`}, grants...)
	}
	return grants
}

// writeGrants are what the full mode needs beside them.
func writeGrants() []string {
	return []string{`GRANT UPDATE ("LastSyncDate","ValidUntil","ToDelete"), DELETE ON "OrganizationSponsorship" TO sponsorsync`}
}

// without leaves a column out of the grants.
func without(grants []string, table, column string) []string {
	var kept []string
	for _, g := range grants {
		if strings.Contains(g, `"`+table+`"`) {
			g = strings.NewReplacer(`"`+column+`",`, "", `,"`+column+`"`, "").Replace(g)
			if strings.Contains(g, "("+column+")") || strings.Contains(g, `("`+column+`")`) {
				continue
			}
		}
		kept = append(kept, g)
	}
	return kept
}

// newUser makes a user without any right but to connect.
func newUser(t *testing.T, v *vaulttest.Vault) string {
	t.Helper()
	user := "few_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20]
	switch v.Engine {
	case vaulttest.PostgreSQL:
		run(t, v, fmt.Sprintf("CREATE USER %s PASSWORD 'few-rights'", user))
		run(t, v, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
		t.Cleanup(func() {
			_, _ = v.DB.Exec("DROP OWNED BY " + user)
			_, _ = v.DB.Exec("DROP USER " + user)
		})
	case vaulttest.MariaDB:
		run(t, v, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY 'few-rights'", user))
		t.Cleanup(func() { _, _ = v.DB.Exec(fmt.Sprintf("DROP USER '%s'@'%%'", user)) })
	default:
		t.Fatal("no users here")
	}
	return user
}

// forUser puts a user's name into a grant, in the engine's form.
func forUser(v *vaulttest.Vault, statement, user string) string {
	if v.Engine != vaulttest.MariaDB {
		return strings.Replace(statement, "sponsorsync", user, 1)
	}
	return strings.Replace(strings.ReplaceAll(statement, `"`, "`"), "sponsorsync", "'"+user+"'@'%'", 1)
}

// onServers runs a test on the engines that have users.
func onServers(t *testing.T, setup vaulttest.Setup, test func(*testing.T, *vaulttest.Vault)) {
	t.Parallel()
	for _, engine := range []vaulttest.Engine{vaulttest.PostgreSQL, vaulttest.MariaDB} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, vaulttest.New(t, engine, setup))
		})
	}
}

// killSessions ends the bridge's sessions, as a restart of the server does.
func killSessions(t *testing.T, v *vaulttest.Vault) {
	t.Helper()
	if v.Engine == vaulttest.PostgreSQL {
		run(t, v, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sponsorsync bridge' AND datname = current_database()")
		return
	}
	rows, err := v.DB.QueryContext(t.Context(), "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND COMMAND = 'Sleep'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		_, _ = v.DB.ExecContext(t.Context(), fmt.Sprintf("KILL %d", id))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
