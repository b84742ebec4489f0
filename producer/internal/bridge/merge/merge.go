package merge

import (
	"maps"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Merge returns what follows from a look.
func Merge(l Look) Plan {
	m := newMerger(l)
	m.connection()
	if !m.ready() {
		return m.plan
	}
	m.rows()
	m.vanished()
	m.evidence()
	m.hold()
	m.take()
	m.promise()
	m.unlink()
	m.oddities()
	return m.plan
}

// merger is one merge under way.
type merger struct {
	Look
	plan       Plan
	next       *Memory // of the plan
	connected  *vault.Connection
	taking     bool // this is the look that takes the organization over
	unanswered int  // rows that wait for a person's word about the official job
	steps      []*step
	due        map[string]bool // rows that are to be deleted

	present map[string]vault.Row      // the rows of the vault by id
	claimed map[sponsorship.ID]string // which present row has which key of the ledger
	ending  map[string]int            // digest of address to how many of its offers are being withdrawn
	busy    map[sponsorship.ID]bool   // keys that a job of ours is still about to change
}

func newMerger(l Look) *merger {
	m := &merger{
		Look: l, plan: Plan{Memory: l.Memory},
		present: map[string]vault.Row{}, claimed: map[sponsorship.ID]string{}, ending: map[string]int{},
		busy: map[sponsorship.ID]bool{}, due: map[string]bool{},
	}
	m.next = &m.plan.Memory
	m.next.Links = maps.Clone(l.Memory.Links)
	if m.next.Links == nil {
		m.next.Links = map[string]Link{}
	}
	m.next.Holds = slices.Clone(l.Memory.Holds)
	for _, r := range l.Vault.Rows {
		m.present[r.ID] = r
	}
	for id, link := range l.Memory.Links {
		if _, here := m.present[id]; here && link.Key != "" && !link.Over {
			m.claimed[link.Key] = id
		}
	}
	for id, link := range l.Memory.Links {
		if m.Open[link.Job] {
			m.busy[link.Key] = true
		}
		if m.isEnding(id, link) {
			m.ending[link.Email]++
		}
	}
	return m
}

// isEnding: a withdrawal of what the cloud may hold for the row is due or under way.
func (m *merger) isEnding(id string, link Link) bool {
	owner, owned := m.claimed[link.Key]
	if link.Key == "" || link.Settled == SettledKeep || owned && owner != id || link.Over && !link.Withdrawn {
		return false
	}
	entry := m.Ledger[link.Key]
	row, here := m.present[id]
	gone := !here || row.Marked || link.Withdrawn || leaving(entry)
	return gone && (m.Open[link.Job] || entry.AtCloud() && entry.Status != sponsorship.Expiring)
}

// ready reports whether there is anything to merge yet.
func (m *merger) ready() bool {
	if !m.Memory.TakenOver.IsZero() {
		m.next.Looked = m.Now
		return true
	}
	if m.connected == nil {
		return false
	}
	if m.lost() {
		m.raise(fault.HeldMemoryLost, 0)
		return false
	}
	m.taking = true
	m.next.TakenOver, m.next.Looked = m.Now, m.Now
	return true
}

// lost: the ledger has what came from a vault, and nothing is remembered of it.
func (m *merger) lost() bool {
	if !m.Memory.Begun.IsZero() || !m.Memory.Resumed[fault.HeldMemoryLost].IsZero() {
		return false
	}
	for _, s := range m.Ledger {
		if s.Vault {
			return true
		}
	}
	return false
}

// raise holds the organization, unless it is held for that already.
func (m *merger) raise(reason fault.Held, count int) {
	m.raiseFor(Hold{Reason: reason, Since: m.Now, Count: count})
}

func (m *merger) raiseFor(h Hold) {
	for i, old := range m.next.Holds {
		if old.Reason == h.Reason && old.User == h.User {
			m.next.Holds[i].Count = h.Count
			return
		}
	}
	m.next.Holds = append(m.next.Holds, h)
}

func (m *merger) held(reasons ...fault.Held) bool {
	return slices.ContainsFunc(m.next.Holds, func(h Hold) bool { return slices.Contains(reasons, h.Reason) })
}

// lower ends the holds for a reason that no longer stands.
func (m *merger) lower(reason fault.Held) {
	m.next.Holds = slices.DeleteFunc(m.next.Holds, func(h Hold) bool { return h.Reason == reason })
}

func (m *merger) digest(field, text string) string { return m.Rules.Digest(field, text) }

func (m *merger) since(t time.Time) time.Duration { return m.Now.Sub(t) }
