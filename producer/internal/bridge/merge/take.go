package merge

import (
	"maps"
	"slices"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// tally counts what people are told, before anything is held back.
func (m *merger) tally() {
	c := &m.plan.Counts
	c.Offers, c.Changes, c.Withdrawals = m.count(offer), m.count(change), m.count(withdraw)
	c.Known, c.Unknown = m.count(adopt), m.unanswered
	for _, s := range m.steps {
		if _, here := m.present[s.row]; here && s.seen.Key != "" && !s.seen.Over {
			c.Known++
		}
	}
}

// unlink lets go of what the vault manages no more: its row is gone, and the withdrawal,
// if there is to be one, has ended.
func (m *merger) unlink() {
	held := map[sponsorship.ID]bool{}
	for _, link := range m.next.Links {
		leaving := link.Withdrawn && m.Ledger[link.Key].Exists()
		held[link.Key] = held[link.Key] || !link.Over || leaving || m.Open[link.Job] || link.Undo != nil
	}
	for _, key := range slices.Sorted(maps.Keys(held)) {
		if key != "" && !held[key] && m.Ledger[key].Vault {
			m.plan.Unlink = append(m.plan.Unlink, key)
		}
	}
}

// take turns the steps that are left into jobs and memory.
func (m *merger) take() {
	for _, s := range m.steps {
		if _, here := m.present[s.row]; !here && s.done.Key == "" {
			delete(m.next.Links, s.row) // nothing ever came of it
			continue
		}
		if s.kind != nothing {
			s.done.Asked = m.Ledger[s.done.Key].Revision
		}
		m.next.Links[s.row] = s.done
		if s.replaces != "" && s.done.Key != "" {
			old := m.next.Links[s.replaces]
			old.Over, old.Gone = true, m.Now
			m.next.Links[s.replaces] = old
		}
		if s.kind != nothing {
			m.plan.Jobs = append(m.plan.Jobs, Job{ID: s.done.Job, Row: s.row, Args: s.args, Replaces: s.replaces, Unconfirmed: s.unconfirmed})
		}
	}
}
