package servers_test

import (
	"database/sql"
	"testing"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/servers"
)

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	for name, server := range map[string]struct {
		driver string
		fresh  func(testing.TB) servers.Database
		dsn    func(servers.Database) string
	}{
		"PostgreSQL": {"pgx", servers.PostgreSQL, servers.Database.PostgreSQLURL},
		"MariaDB":    {"mysql", servers.MariaDB, servers.Database.MySQLName},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // the second finds no table of the first
				db, err := sql.Open(server.driver, server.dsn(server.fresh(t)))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := db.ExecContext(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
					t.Error(err)
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
