package database

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// unwritable says which rights the bridge lacks to write.
func unwritable(s syntax, c catalog) []vault.Restriction {
	var found []vault.Restriction
	var columns []string
	for _, need := range s.needs() {
		if need.writes && !c.columns[need.table][need.name].update {
			columns = append(columns, need.name)
		}
	}
	if len(columns) > 0 {
		found = append(found, vault.Restriction{
			Missing: "writing " + strings.Join(columns, ", ") + ": what became of an offer does not show in the vault",
			Grant:   s.grant(grant{"UPDATE", sponsorships, columns, c.user}),
		})
	}
	if !c.tables[sponsorships].delete {
		found = append(found, vault.Restriction{
			Missing: "deleting sponsorships: what was withdrawn stays in the vault, so its member can't offer again",
			Grant:   s.grant(grant{right: "DELETE", table: sponsorships, user: c.user}),
		})
	}
	return found
}

// excess says what the user may do and the bridge never does.
func excess(s syntax, c catalog, writes bool) []vault.Restriction {
	if c.userless {
		return nil
	}
	var found []vault.Restriction
	for _, words := range c.beyond {
		found = append(found, vault.Restriction{Missing: "more than is needed: the user " + words})
	}
	for _, table := range slices.Sorted(maps.Keys(c.columns)) {
		var more []string
		if updates := s.overwritable(c, table, writes); len(updates) > 0 {
			more = append(more, "UPDATE of "+strings.Join(updates, ", "))
		}
		if c.tables[table].insert || slices.ContainsFunc(slices.Collect(maps.Values(c.columns[table])), func(r rights) bool { return r.insert }) {
			more = append(more, "INSERT")
		}
		if c.tables[table].delete && (!writes || table != sponsorships) {
			more = append(more, "DELETE")
		}
		if len(more) > 0 {
			found = append(found, vault.Restriction{Missing: fmt.Sprintf("more than is needed: the user has the right of %s in table %s",
				strings.Join(more, ", "), table)})
		}
	}
	return found
}

// overwritable lists the columns that the user may update and the bridge does not.
func (s syntax) overwritable(c catalog, table string, writes bool) []string {
	var found []string
	for name, r := range c.columns[table] {
		ours := slices.ContainsFunc(s.needs(), func(n column) bool { return n.table == table && n.name == name && n.writes })
		if r.update && !(writes && ours) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}
