package database

import (
	"context"
	"database/sql"
)

// Exec runs any statement on the bridge's own session.
func (d *Database) Exec(ctx context.Context, statement string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.use(ctx, "run a test's statement", func(ctx context.Context, session *sql.Conn) error {
		_, err := session.ExecContext(ctx, statement)
		return err
	})
}
