package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// known is what a look at the catalog found.
type known struct {
	layout  layout
	missing []vault.Restriction // what the bridge does without
	// unwritable is of it what keeps a bridge that writes from writing anything.
	unwritable []vault.Restriction
	beyond     []vault.Restriction // what its user may do and the bridge never does
	head       string
}

// learn looks at the catalog unless that is done, and returns why the database
// can't be read, if so.
func (d *Database) learn(ctx context.Context, session *sql.Conn) (*known, error) {
	if d.known != nil {
		return d.known, nil
	}
	c, err := d.dialect.inspect(ctx, session)
	if err != nil {
		return nil, err
	}
	found, err := judge(d.dialect.syntax, c, d.writes)
	if err != nil {
		return nil, err
	}
	d.known = &found
	return d.known, nil
}

// judge compares what there is with what is needed.
func judge(s syntax, c catalog, writes bool) (known, error) {
	switch {
	case c.unsafe != "":
		return known{}, &problem{fault.BridgeDatabaseUnsafe, c.unsafe}
	case c.denied != "":
		return known{}, &problem{fault.BridgeSchemaUnknown, advised(vault.Restriction{Missing: c.denied, Grant: c.grant})}
	}
	k := known{layout: layout{}, head: c.head, beyond: excess(s, c, writes)}
	var faults []string
	for _, wanted := range groups(s.needs()) {
		lost := k.take(s, c, wanted)
		switch {
		case lost == vault.Restriction{}:
		case wanted[0].lacking != "":
			lost.Missing = wanted[0].lacking
			k.missing = append(k.missing, lost)
		default:
			faults = append(faults, advised(lost))
		}
	}
	if len(faults) > 0 {
		return known{}, &problem{fault.BridgeSchemaUnknown, strings.Join(faults, "; ")}
	}
	if writes {
		k.unwritable = unwritable(s, c)
		k.missing = append(k.missing, k.unwritable...)
	}
	return k, nil
}

// groups puts together columns of one table that are missed for one reason.
func groups(needs []column) [][]column {
	var found [][]column
	for _, need := range needs {
		last := len(found) - 1
		if last >= 0 && found[last][0].table == need.table && found[last][0].lacking == need.lacking {
			found[last] = append(found[last], need)
			continue
		}
		found = append(found, []column{need})
	}
	return found
}

// take puts the columns that can be read into the layout and says what of a group is lost.
func (k *known) take(s syntax, c catalog, wanted []column) vault.Restriction {
	lost := map[state][]string{}
	for _, need := range wanted {
		switch found := c.find(need); {
		case found == readable:
			k.layout[need.table] = append(k.layout[need.table], need.name)
		case found == absent && (need.younger || need.lacking != ""):
		default:
			lost[found] = append(lost[found], need.name)
		}
	}
	table := wanted[0].table
	give := s.grant(grant{"SELECT", table, append(lost[hidden], lost[unclear]...), c.user})
	switch {
	case len(lost[absent]) > 0:
		return vault.Restriction{Missing: fmt.Sprintf("table %s has no column %s (or is not there)", table, strings.Join(lost[absent], ", "))}
	case len(lost[hidden]) > 0:
		return vault.Restriction{Missing: fmt.Sprintf("the user may not read %s of table %s", strings.Join(lost[hidden], ", "), table), Grant: give}
	case len(lost[unclear]) > 0:
		return vault.Restriction{
			Missing: fmt.Sprintf("either the server is older than %s of table %s, or the user may not read it", strings.Join(lost[unclear], ", "), table),
			Grant:   give + " " + s.grant(grant{"SELECT", s.history.table, []string{s.history.name}, c.user}),
		}
	}
	return vault.Restriction{}
}

// advised puts a loss and its remedy into one sentence.
func advised(r vault.Restriction) string {
	if r.Grant == "" {
		return r.Missing
	}
	return r.Missing + ": " + r.Grant
}
