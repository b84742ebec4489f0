package database

import (
	"context"
	"database/sql"
	"slices"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Report is what a person should know of the database before the bridge is on.
type Report struct {
	Database string              // which one, without user and password
	Head     string              // the newest migration, "" where it may not be read
	Missing  []vault.Restriction // what the bridge does without, each with the grant that helps
	Beyond   []vault.Restriction // what the user may do and the bridge never does
}

// Check looks at the catalog anew. Its error says why the database can't be read at
// all, with the same codes as Read.
func (d *Database) Check(ctx context.Context) (Report, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := Report{Database: d.String()}
	err := d.use(ctx, "look at the tables", func(ctx context.Context, session *sql.Conn) error {
		d.known = nil
		k, err := d.learn(ctx, session)
		if err == nil {
			r.Head, r.Missing, r.Beyond = k.head, k.missing, k.beyond
		}
		return err
	})
	return r, err
}

// Restrictions returns what the bridge does without, and then, each without a grant, what its
// user may do and the bridge never does, as the last look at the catalog found it; none before
// the first.
func (d *Database) Restrictions() []vault.Restriction {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		return nil
	}
	return slices.Concat(d.known.missing, d.known.beyond)
}
