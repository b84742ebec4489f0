package database

import (
	"slices"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

// Grants returns the statements that give a user the least rights that the bridge
// needs, to be run in the server's database. The user's name is in the form that the
// engine's GRANT takes. SQLite has no users, so there are none.
func Grants(engine connstring.Engine, user string, writes bool) []string {
	d, ok := dialectOf(engine)
	if !ok || engine == connstring.SQLite {
		return nil
	}
	var tables []string
	read, written := map[string][]string{}, []string(nil)
	for _, need := range d.needs() {
		if !slices.Contains(tables, need.table) {
			tables = append(tables, need.table)
		}
		read[need.table] = append(read[need.table], need.name)
		if need.writes {
			written = append(written, need.name)
		}
	}
	var statements []string
	if engine == connstring.PostgreSQL {
		statements = append(statements, "GRANT USAGE ON SCHEMA public TO "+user+";")
	}
	for _, table := range tables {
		statements = append(statements, d.grant(grant{"SELECT", table, read[table], user}))
	}
	if writes {
		statements = append(statements, d.grant(grant{"UPDATE", sponsorships, written, user}), d.grant(grant{right: "DELETE", table: sponsorships, user: user}))
	}
	return statements
}
