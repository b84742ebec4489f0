package bridge

import (
	"context"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Source is the server's database, opened.
type Source struct {
	Database
	// Restrictions returns what the database's user may not do and should, or, without a grant, may
	// do and need not, as far as it is known by now.
	Restrictions func() []vault.Restriction
	// People returns who the members of an organization are; a fault where that may not be read.
	People     func(context.Context, sponsorship.ID) (map[sponsorship.ID]vault.Person, error)
	DatesByJob bool // the server's own sync job stores dates on this engine
	Close      func() error
}
