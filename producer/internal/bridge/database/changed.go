package database

import (
	"context"
	"database/sql"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// watch is what the last questions gave.
type watch struct {
	answer answer                    // of the present session; settled only when it can be compared
	prints map[sponsorship.ID]uint64 // by organization; nil before the first look
	all    time.Time                 // when every organization was last named
	seed   maphash.Seed              // of the fingerprints, which this process alone compares
}

// Changed returns the organizations that may differ since the last call that
// succeeded, sorted. The first call, and one every five minutes, returns all that have
// a connection or a sponsorship, or had one at the call before. Nobody is told twice:
// what can't be read at once has to be remembered by the caller.
//
// It asks the cheapest question first, then for a fingerprint per organization, so
// while nothing changes a call costs the database next to nothing.
func (d *Database) Changed(ctx context.Context) ([]sponsorship.ID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var changed []sponsorship.ID
	err := d.use(ctx, "look for changes", func(ctx context.Context, session *sql.Conn) error {
		now := d.now()
		all := d.watch.prints == nil || now.Sub(d.watch.all) >= netAfter || now.Before(d.watch.all)
		if all {
			d.known = nil // grants and columns may have come or gone
		}
		k, err := d.learn(ctx, session)
		if err != nil {
			return err
		}
		changed, err = d.watch.look(ctx, look{dialect: d.dialect, session: session, layout: k.layout, all: all, now: now, seed: d.watch.seed})
		return err
	})
	return changed, err
}

// look is one look for changes.
type look struct {
	dialect dialect
	session *sql.Conn
	layout  layout
	all     bool
	now     time.Time
	seed    maphash.Seed
}

func (w *watch) look(ctx context.Context, l look) ([]sponsorship.ID, error) {
	// The answer comes before the fingerprints: what changes in between changes the next one.
	got, err := l.dialect.ask(ctx, l.session, l.layout)
	if err != nil {
		return nil, err
	}
	if !l.all && w.answer.settled && w.answer.text == got.text {
		return nil, nil
	}
	prints, err := l.prints(ctx)
	if err != nil {
		return nil, err
	}
	changed := w.differing(prints, l.all)
	w.answer, w.prints = got, prints
	if l.all {
		w.all = l.now
	}
	return changed, nil
}

// differing lists the organizations whose fingerprint is another than before, came or went.
func (w *watch) differing(prints map[sponsorship.ID]uint64, all bool) []sponsorship.ID {
	found := map[sponsorship.ID]bool{}
	for id, print := range prints {
		if before, seen := w.prints[id]; all || !seen || before != print {
			found[id] = true
		}
	}
	for id := range w.prints {
		if _, still := prints[id]; all || !still {
			found[id] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// prints returns a fingerprint of each organization that has a sponsorship or a connection.
func (l look) prints(ctx context.Context) (map[sponsorship.ID]uint64, error) {
	found := map[sponsorship.ID]uint64{}
	for _, table := range []string{sponsorships, connections, organizations} {
		query := l.dialect.print(table, l.layout)
		err := each(ctx, l.session, query, func(rows *sql.Rows) error {
			var id string
			var print sql.NullString
			if err := rows.Scan(&id, &print); err != nil {
				return err
			}
			organization := sponsorship.ID(strings.ToLower(id))
			if _, follows := found[organization]; follows || table != organizations {
				// Added up, so that the order of the lines is no matter. A hash whose changes are
				// nearly linear, such as FNV, would cancel out when two rows change in one way.
				found[organization] += maphash.String(l.seed, table+" "+print.String)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
