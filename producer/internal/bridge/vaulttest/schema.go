package vaulttest

import (
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
)

//go:embed testdata/schema.json
var schemaFile []byte

// schemas reads the tables of all engines, once.
var schemas = sync.OnceValue(func() map[Engine]schema {
	var file struct {
		Engines map[Engine]schema `json:"engines"`
	}
	if err := json.Unmarshal(schemaFile, &file); err != nil {
		panic(err) // the file is part of the program
	}
	return file.Engines
})

// schema is what an engine's migrations leave behind.
type schema struct {
	Head   string           `json:"head"` // the newest migration
	Tables map[string]table `json:"tables"`
}

type table struct {
	Columns     []column     `json:"columns"`
	PrimaryKey  key          `json:"primaryKey"`
	Indexes     []index      `json:"indexes"`
	ForeignKeys []foreignKey `json:"foreignKeys"`
}

type column struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Null      bool   `json:"null"`
	Default   string `json:"default"`
	Collation string `json:"collation"`
	Since     string `json:"since"` // the migration that brought it
}

type key struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

type index struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Include []string `json:"include"`
	Unique  bool     `json:"unique"`
}

type foreignKey struct {
	Name       string   `json:"name"`
	Columns    []string `json:"columns"`
	References string   `json:"references"` // "Table(Column)"
	OnDelete   string   `json:"onDelete"`
}

// history is the table that names the migrations that have run.
const history = "__EFMigrationsHistory"

// creationOrder has every table after those that it refers to.
func creationOrder() []string {
	return []string{
		history, organizations, "User", members, sponsorships, connections, "OrganizationApiKey", "Installation",
	}
}

// The tables that the actions write.
const (
	sponsorships  = "OrganizationSponsorship"
	connections   = "OrganizationConnection"
	organizations = "Organization"
	members       = "OrganizationUser"
	users         = "User"
)

// at returns the schema as a migration left it: without the columns that came later.
func (s schema) at(head string) schema {
	old := schema{Head: head, Tables: map[string]table{}}
	for name, t := range s.Tables {
		t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c column) bool { return c.Since > head })
		old.Tables[name] = t
	}
	return old
}

// migrations lists those that brought a column, oldest first, and the head.
func (s schema) migrations() []string {
	found := []string{s.Head}
	for _, t := range s.Tables {
		for _, c := range t.Columns {
			if c.Since != "" {
				found = append(found, c.Since)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// beforeAdminInitiated returns the last known migration before the one that let
// admins offer to people who are no members: a server from before 2025.4.3.
func (s schema) beforeAdminInitiated() string {
	var since string
	for _, c := range s.Tables[sponsorships].Columns {
		if c.Name == "IsAdminInitiated" {
			since = c.Since
		}
	}
	older := slices.DeleteFunc(s.migrations(), func(m string) bool { return m >= since })
	return older[len(older)-1]
}
