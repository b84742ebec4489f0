package bridge

import (
	"context"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Source is the server's database, opened.
type Source struct {
	Database
	// Restrictions returns what the database's user may not do, as far as it is known by now.
	Restrictions func() []vault.Restriction
	DatesByJob   bool // the server's own sync job stores dates on this engine
	Close        func() error
}

// Reachable returns why the database can't be read, or nil. It counts as a first look for changes.
func (s Source) Reachable(ctx context.Context) error {
	_, err := s.Changed(ctx)
	return err
}
