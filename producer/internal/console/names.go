package console

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const (
	nameLife    = 10 * time.Minute
	nameReaders = 4
	namePatient = time.Second // how long the overview waits for names that it does not have yet
)

// nameCache keeps the names of organizations for a while. People's names are read anew for
// each page.
type nameCache struct {
	mu    sync.Mutex
	names map[sponsorship.ID]cachedName
}

type cachedName struct {
	name string
	at   time.Time
}

func (n *nameCache) get(org sponsorship.ID, now time.Time) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of, known := n.names[org]
	return of.name, known && now.Sub(of.at) < nameLife
}

func (n *nameCache) put(org sponsorship.ID, name string, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names == nil {
		n.names = map[sponsorship.ID]cachedName{}
	}
	n.names[org] = cachedName{name, now}
}

// names are who an organization and its members are, where the server's own database is
// followed.
func (c *Console) names(ctx context.Context, o view.Organization) bridge.Names {
	if c.p.Names == nil || o.Bridge == nil {
		return bridge.Names{}
	}
	read := c.p.Names(ctx, o.OrganizationID)
	c.cache.put(o.OrganizationID, read.Organization, c.p.Now())
	return read
}

// organizationNames reads the names that are not known yet; those that take long are for
// the next look.
func (c *Console) organizationNames(ctx context.Context, all []view.Organization) map[sponsorship.ID]string {
	ctx, cancel := context.WithTimeout(ctx, namePatient)
	defer cancel()
	group := errgroup.Group{}
	group.SetLimit(nameReaders)
	for _, o := range all {
		if _, known := c.cache.get(o.OrganizationID, c.p.Now()); !known {
			group.Go(func() error {
				if ctx.Err() == nil {
					c.names(ctx, o)
				}
				return nil
			})
		}
	}
	_ = group.Wait() // none of them returns an error
	names := map[sponsorship.ID]string{}
	for _, o := range all {
		names[o.OrganizationID], _ = c.cache.get(o.OrganizationID, c.p.Now())
	}
	return names
}
