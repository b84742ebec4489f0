package tds

import (
	"fmt"
	"maps"
	"slices"
)

// Row is what a table holds; see Type for its values.
type Row map[string]any

type column struct {
	name string
	of   Type
}

type table struct {
	name    string
	columns []column
	rows    []Row
}

func (t *table) find(name string) (column, bool) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	if i < 0 {
		return column{}, false
	}
	return t.columns[i], true
}

// schema is what the bridge reads of a server's tables, written by hand.
func schema() []*table {
	return []*table{
		{name: "OrganizationSponsorship", columns: []column{
			{"Id", UniqueIdentifier},
			{"SponsoringOrganizationId", UniqueIdentifier},
			{"SponsoringOrganizationUserID", UniqueIdentifier}, // as on no other engine
			{"FriendlyName", NVarChar},
			{"OfferedToEmail", NVarChar},
			{"LastSyncDate", DateTime2},
			{"ValidUntil", DateTime2},
			{"ToDelete", Bit},
			{"IsAdminInitiated", Bit},
		}},
		{name: "OrganizationConnection", columns: []column{
			{"Id", UniqueIdentifier},
			{"OrganizationId", UniqueIdentifier},
			{"Type", Int},
			{"Enabled", Bit},
			{"Config", NVarCharMax},
		}},
		{name: "Organization", columns: []column{
			{"Id", UniqueIdentifier},
			{"Name", NVarChar},
			{"LicenseKey", VarChar},
		}},
		{name: "OrganizationUser", columns: []column{
			{"Id", UniqueIdentifier},
			{"OrganizationId", UniqueIdentifier},
			{"UserId", UniqueIdentifier},
			{"Email", NVarChar},
		}},
		{name: "User", columns: []column{
			{"Id", UniqueIdentifier},
			{"Name", NVarChar},
			{"Email", NVarChar},
		}},
		{name: "Migration", columns: []column{
			{"ScriptName", NVarChar},
		}},
	}
}

// table returns a table that a statement names, also the catalog's own, as the user sees them.
func (s *Server) table(parts []string) *table {
	name := parts[len(parts)-1]
	switch {
	case len(parts) == 2 && parts[0] == "sys":
		if made := s.catalog(name); made != nil {
			return made
		}
	case len(parts) == 1 || (len(parts) == 2 && parts[0] == "dbo"):
		for _, t := range s.tables {
			if t.name == name {
				return t
			}
		}
	}
	fail(208, "Invalid object name '%s'.", name)
	return nil
}

func (s *Server) catalog(name string) *table {
	tables := &table{name: name, columns: []column{{"name", NVarChar}, {"object_id", Int}, {"schema_id", Int}}}
	columns := &table{name: name, columns: []column{{"name", NVarChar}, {"object_id", Int}}}
	for id, t := range s.tables {
		shown := false
		for _, c := range t.columns {
			if !s.options.May("SELECT", t.name, c.name) && !s.options.May("UPDATE", t.name, c.name) {
				continue
			}
			shown = true
			columns.rows = append(columns.rows, Row{"name": c.name, "object_id": id})
		}
		if shown {
			tables.rows = append(tables.rows, Row{"name": t.name, "object_id": id, "schema_id": 1})
		}
	}
	switch name {
	case "tables":
		return tables
	case "columns":
		return columns
	}
	return nil
}

// Insert adds a row. What it leaves out is NULL.
func (s *Server) Insert(name string, row Row) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.own(name)
	for column := range row {
		if _, found := t.find(column); !found {
			s.t.Fatalf("table %s has no column %s", name, column)
		}
	}
	t.rows = append(t.rows, row)
}

// Rows returns a copy of a table's rows.
func (s *Server) Rows(name string) []Row {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []Row
	for _, row := range s.own(name).rows {
		rows = append(rows, maps.Clone(row))
	}
	return rows
}

// Update changes every row of a table.
func (s *Server) Update(name string, change func(Row)) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.own(name).rows {
		change(row)
	}
}

// DropColumn makes the table that of a server which does not have the column.
func (s *Server) DropColumn(name, column string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.own(name)
	kept := t.columns[:0]
	for _, c := range t.columns {
		if c.name != column {
			kept = append(kept, c)
		}
	}
	t.columns = kept
}

func (s *Server) own(name string) *table {
	s.t.Helper()
	for _, t := range s.tables {
		if t.name == name {
			return t
		}
	}
	s.t.Fatalf("no table %s", name)
	return nil
}

// fault is an error that a statement ends with.
type fault struct {
	number  int32
	message string
}

// fail ends the statement; answer recovers it.
func fail(number int32, format string, args ...any) {
	panic(fault{number, fmt.Sprintf(format, args...)})
}
