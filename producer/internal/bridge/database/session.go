package database

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// prepared opens sessions and runs statements on each first, so that no session is
// without its time-outs.
type prepared struct {
	driver.Connector
	statements []string
}

// Connect implements driver.Connector.
func (p prepared) Connect(ctx context.Context) (driver.Conn, error) {
	session, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, statement := range p.statements {
		if err := execute(ctx, session, statement); err != nil {
			_ = session.Close()
			return nil, fmt.Errorf("prepare the session: %w", err)
		}
	}
	return session, nil
}

func execute(ctx context.Context, session driver.Conn, statement string) error {
	runner, ok := session.(driver.ExecerContext)
	if !ok {
		return fmt.Errorf("a %T can't run a statement", session)
	}
	_, err := runner.ExecContext(ctx, statement, nil)
	return err
}
