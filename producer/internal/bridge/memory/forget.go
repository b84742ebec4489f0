package memory

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// tries bounds how often a change begins again because a look came in between.
const tries = 5

// Change reads the memory of an organization, lets edit make a new one of it, and stores
// that; it begins again when a look came in between. Nothing is stored where nothing is
// remembered. It returns the memory as it is now.
func (s *Store) Change(ctx context.Context, org sponsorship.ID, at time.Time, edit func(merge.Memory) merge.Memory) (merge.Memory, error) {
	for n := 0; ; n++ {
		kept, err := s.Load(ctx, org)
		if err != nil || kept.New {
			return kept.Memory, err
		}
		kept, err = s.Save(ctx, kept, edit(kept.Memory), at)
		if !errors.Is(err, ErrOvertaken) || n == tries {
			return kept.Memory, err
		}
	}
}

// Forget leaves of one person's rows that are gone what keeps them from being offered again
// should they come back: their ids and digests. Of a row that is still in the vault no more
// is kept than the vault shows at the next look.
func (s *Store) Forget(ctx context.Context, org, key sponsorship.ID) error {
	_, err := s.Change(ctx, org, time.Time{}, func(m merge.Memory) merge.Memory {
		m.Links = maps.Clone(m.Links)
		for id, link := range m.Links {
			if link.Key == key && !link.Gone.IsZero() {
				m.Links[id] = forgotten(link)
			}
		}
		return m
	})
	return err
}

func forgotten(link merge.Link) merge.Link {
	link.User, link.Admin, link.Job = "", false, ""
	link.Synced, link.ValidUntil, link.Former, link.Dated, link.Wrote = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return link
}
