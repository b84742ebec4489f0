package vaulttest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/writes.jsonl
var writesFile []byte

// fact is what the official program was seen to write in one action.
type fact struct {
	Engine     Engine
	Action     string
	Result     string
	Rows       []factRow
	Statements []string
}

// factRow is one row that differs afterwards.
type factRow struct {
	Table         string
	Before, After Record
}

// facts reads those of an engine.
func facts(t *testing.T, engine Engine) []fact {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(writesFile))
	decoder.UseNumber()
	var found []fact
	for decoder.More() {
		var f fact
		if err := decoder.Decode(&f); err != nil {
			t.Fatal(err)
		}
		for _, row := range f.Rows {
			whole(row.Before)
			whole(row.After)
		}
		if f.Engine == engine {
			found = append(found, f)
		}
	}
	return found
}

// whole makes the file's numbers those of a Record.
func whole(row Record) {
	for name, value := range row {
		if number, ok := value.(json.Number); ok {
			row[name], _ = number.Int64()
		}
	}
}

// row returns the first row of a table.
func (f fact) row(table string) factRow {
	for _, row := range f.Rows {
		if row.Table == table {
			return row
		}
	}
	return factRow{}
}

// statements returns what was written of our tables: without the reads and tables
// that the simulation does not have, and repeats as one.
func (f fact) ours() []string {
	ours := []string{sponsorships, connections, members, organizations, users}
	var kept []string
	for _, statement := range f.Statements {
		words := strings.Fields(strings.TrimPrefix(statement, "FAILED "))
		if words[0] == "BEGIN" || words[0] == "COMMIT" || slices.Contains(ours, words[1]) {
			kept = append(kept, statement)
		}
	}
	return tidy(kept)
}

// tidy sorts columns, joins repeats, and drops transactions that hold nothing.
func tidy(statements []string) []string {
	var kept []string
	for _, statement := range statements {
		words := strings.Fields(statement)
		for i, word := range words {
			columns := strings.Split(word, ",")
			slices.Sort(columns)
			words[i] = strings.Join(columns, ",")
		}
		kept = append(kept, strings.Join(words, " "))
	}
	kept = slices.Compact(kept)
	for i := 0; i+1 < len(kept); {
		if strings.HasPrefix(kept[i], "BEGIN") && kept[i+1] == "COMMIT" {
			kept = slices.Delete(kept, i, i+2)
			continue
		}
		i++
	}
	return kept
}

// differences returns the rows that two backups do not share.
func differences(before, after Backup) []factRow {
	var found []factRow
	for _, table := range creationOrder() {
		old, now := byID(before[table]), byID(after[table])
		ids := slices.Collect(maps.Keys(old))
		for id := range now {
			if old[id] == nil {
				ids = append(ids, id)
			}
		}
		for _, id := range ids {
			if !maps.Equal(old[id], now[id]) {
				found = append(found, factRow{table, old[id], now[id]})
			}
		}
	}
	return found
}

func byID(rows []Record) map[string]Record {
	found := map[string]Record{}
	for _, row := range rows {
		found[fmt.Sprint(row["Id"], row["MigrationId"])] = row
	}
	return found
}
