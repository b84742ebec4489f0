package vaulttest

import (
	"fmt"
	"strings"
)

// statements returns what makes the tables, in an empty database.
func (s schema) statements(d dialect) []string {
	made := append([]string{}, d.prepare...)
	for _, name := range creationOrder() {
		made = append(made, s.Tables[name].statements(name, d)...)
	}
	for _, migration := range s.migrations() {
		made = append(made, fmt.Sprintf("INSERT INTO %s VALUES ('%s', '8.0.8')", d.quote(history), migration))
	}
	return made
}

func (t table) statements(name string, d dialect) []string {
	lines := make([]string, 0, len(t.Columns)+4)
	for _, c := range t.Columns {
		lines = append(lines, c.definition(d))
	}
	lines = append(lines, fmt.Sprintf("CONSTRAINT %s PRIMARY KEY (%s)", d.quote(t.PrimaryKey.Name), d.quoteAll(t.PrimaryKey.Columns)))
	for _, f := range t.ForeignKeys {
		lines = append(lines, f.definition(d))
	}
	made := []string{fmt.Sprintf("CREATE TABLE %s (%s)%s", d.quote(name), strings.Join(lines, ", "), d.tableOptions)}
	for _, i := range t.Indexes {
		made = append(made, i.statement(name, d))
	}
	return made
}

func (c column) definition(d dialect) string {
	parts := []string{d.quote(c.Name), c.Type}
	if c.Collation != "" {
		parts = append(parts, d.collate(c.Collation))
	}
	if !c.Null {
		parts = append(parts, "NOT NULL")
	}
	if c.Default != "" {
		parts = append(parts, "DEFAULT", c.Default)
	}
	return strings.Join(parts, " ")
}

func (f foreignKey) definition(d dialect) string {
	table, column, _ := strings.Cut(strings.TrimSuffix(f.References, ")"), "(")
	constraint := ""
	if f.Name != "" {
		constraint = "CONSTRAINT " + d.quote(f.Name) + " "
	}
	return fmt.Sprintf("%sFOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE %s",
		constraint, d.quoteAll(f.Columns), d.quote(table), d.quote(column), f.OnDelete)
}

func (i index) statement(table string, d dialect) string {
	unique, include := "", ""
	if i.Unique {
		unique = "UNIQUE "
	}
	if len(i.Include) > 0 {
		include = " INCLUDE (" + d.quoteAll(i.Include) + ")"
	}
	return fmt.Sprintf("CREATE %sINDEX %s ON %s (%s)%s", unique, d.quote(i.Name), d.quote(table), d.quoteAll(i.Columns), include)
}
