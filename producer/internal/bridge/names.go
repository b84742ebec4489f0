package bridge

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Names are the names of an organization and its members, as far as they may be read.
type Names struct {
	Organization string
	Members      map[sponsorship.ID]vault.Person
}

// namesTimeout bounds how long somebody waits for names: ids do as well.
const namesTimeout = 2 * time.Second

// Names reads names on demand; nothing keeps them. What can't be read is left out.
func (s Source) Names(ctx context.Context, org sponsorship.ID) Names {
	ctx, cancel := context.WithTimeout(ctx, namesTimeout)
	defer cancel()
	var n Names
	if snapshot, err := s.Read(ctx, org); err == nil {
		n.Organization = snapshot.Name
		n.Members, _ = s.People(ctx, org)
	}
	return n
}
