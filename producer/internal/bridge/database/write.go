package database

import (
	"context"
	"database/sql"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Write changes or deletes one row of an organization by one statement, which commits by
// itself and takes effect only while the row is what it was when it was read. A lock that
// somebody else holds is waited for a second, then the outcome is Busy.
//
// A write that changes nothing is not sent. A session that breaks is replaced and the statement
// sent once more: if it had taken effect, the second one finds the row changed and says so.
//
// Its errors are faults as those of Read. A right that the user lacks is named with its GRANT.
func (d *Database) Write(ctx context.Context, organization sponsorship.ID, w vault.Write) (vault.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var outcome vault.Outcome
	err := d.use(ctx, "write to row "+w.Was.ID, func(ctx context.Context, session *sql.Conn) (err error) {
		outcome, err = d.write(ctx, session, organization, w)
		return err
	})
	return outcome, err
}

func (d *Database) write(ctx context.Context, session *sql.Conn, organization sponsorship.ID, w vault.Write) (vault.Outcome, error) {
	k, err := d.learn(ctx, session)
	if err != nil {
		return "", err
	}
	if err := d.mayWrite(k); err != nil {
		return "", err
	}
	text, args := d.dialect.statement(k.layout, organization, w)
	if text == "" {
		return vault.Written, nil
	}
	result, err := session.ExecContext(ctx, text, args...)
	if err != nil {
		return d.failed(ctx, session, err)
	}
	switch met, err := result.RowsAffected(); {
	case err != nil:
		return "", err
	case met == 0:
		return vault.Overtaken, nil
	}
	return vault.Written, nil
}

// mayWrite is asked before each write. Not every engine's session refuses to write in read mode.
func (d *Database) mayWrite(k *known) error {
	if !d.writes {
		return &problem{fault.BridgeDatabaseUnavailable, "it was opened for reading only"}
	}
	if len(k.unwritable) == 0 {
		return nil
	}
	var lost []string
	for _, r := range k.unwritable {
		lost = append(lost, advised(r))
	}
	return &problem{fault.BridgeDatabaseUnavailable, strings.Join(lost, "; ")}
}

// failed says what the failure of a write means.
func (d *Database) failed(ctx context.Context, session *sql.Conn, err error) (vault.Outcome, error) {
	switch d.dialect.explain(err) {
	case busy:
		return vault.Busy, nil
	case noGrant, noSuch: // the catalog tells which right was taken away
		d.known = nil
		if k, lookErr := d.learn(ctx, session); lookErr == nil {
			if lost := d.mayWrite(k); lost != nil {
				return "", lost
			}
		}
	}
	return "", err
}
