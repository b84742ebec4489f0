package merge

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// birthday is how long before the last look a row that nobody saw may have been
// born: ids carry the server's clock, looks carry ours.
const birthday = time.Hour

// suspect: the row is where it should not be, and no person has cleared it.
func (m *merger) suspect(r vault.Row) bool {
	link, known := m.Memory.Links[r.ID]
	if link.Cleared {
		return false
	}
	if known {
		return !link.Back.IsZero() || link.Over || !link.Gone.IsZero()
	}
	born := vault.Born(r.ID)
	return !m.taking && !m.Memory.Looked.IsZero() && !born.IsZero() && born.Before(m.Memory.Looked.Add(-birthday))
}

// evidence looks for what only a restored copy, or the official job, can have done.
func (m *merger) evidence() {
	back, older := 0, 0
	for _, s := range m.steps {
		r, here := m.present[s.row]
		if !here {
			continue
		}
		if m.suspect(r) {
			if s.seen.Back.IsZero() {
				back++
				s.seen = m.cameBack(s.seen, r)
			}
			s.done = s.seen
			continue
		}
		s.seen.Gone, s.done.Gone = time.Time{}, time.Time{}
		if m.datedBefore(r) {
			older++
		}
		if m.datedByOther(r) {
			m.raise(fault.HeldOfficialJob, 0)
		}
	}
	if back > 0 || older > 1 || m.Vault.Head != "" && m.Vault.Head < m.Memory.Head {
		m.raise(fault.HeldRestored, back)
	}
	if m.Vault.Head != "" {
		m.next.Head = m.Vault.Head
	}
}

// cameBack remembers the look that saw the row again. Of one that was withdrawn it also remembers
// how it looked then: what its member makes of it from now on is a wish.
func (m *merger) cameBack(link Link, r vault.Row) Link {
	link.Back = m.Now
	if link.Over {
		link.Exact, link.Name = m.digest("exact", r.Email), m.digest("name", r.Name)
	}
	return link
}

// datedBefore: an untouched row whose date went back.
func (m *merger) datedBefore(r vault.Row) bool {
	link := m.Memory.Links[r.ID]
	return len(r.Unreadable) == 0 && link.Key != "" && !m.differs(r, link) && !r.Marked && at(r.Synced).Before(link.Synced)
}

// datedByOther: a date that is neither remembered nor ours. A mark brings old
// dates back with it, and an older date is a question of restored copies.
func (m *merger) datedByOther(r vault.Row) bool {
	link, known := m.Memory.Links[r.ID]
	if m.taking || link.Undecided || r.Marked || r.Synced == nil || len(r.Unreadable) > 0 {
		return false
	}
	if known && (!r.Synced.After(link.Synced) || r.Synced.Equal(link.Former) || !r.Synced.After(link.Wrote)) {
		return false
	}
	entry := m.Ledger[link.Key]
	return entry.LastSyncAt == nil || !vault.Cut(*entry.LastSyncAt).Equal(*r.Synced)
}
