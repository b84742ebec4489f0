package merge

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// writesAtOnce bounds what one look writes: a sync that answered for thousands must not keep
// the server's own writers, or the next look, waiting.
const writesAtOnce = 100

// writes plans what is to be written to the vault. The first of an organization waits for a
// person's word.
func (m *merger) writes() {
	if !m.Rules.Writes {
		m.lower(fault.HeldFirstWrite)
		m.next.Unwritten = nil
		return
	}
	m.next.Unwritten = map[Unwritten]int{}
	for _, s := range m.steps {
		r, here := m.present[s.row]
		if !here {
			continue
		}
		w, is, not := m.write(s, r)
		if not != "" {
			m.next.Unwritten[not]++
		}
		if is {
			m.plan.Writes = append(m.plan.Writes, Write{User: r.User, Write: w})
		}
	}
	for _, w := range m.plan.Writes {
		if w.Delete {
			m.due[w.Was.ID] = true
			m.plan.Counts.Deletions++
		} else {
			m.plan.Counts.Writes++
		}
	}
	if n := len(m.plan.Writes); n > 0 && m.Memory.Resumed[fault.HeldFirstWrite].IsZero() {
		m.raise(fault.HeldFirstWrite, n)
	}
}

// promise remembers the writes that this look is to make before they are made: those first that
// were tried least.
func (m *merger) promise() {
	all := m.plan.Writes
	slices.SortStableFunc(all, func(a, b Write) int {
		return cmp.Compare(m.next.Links[a.Was.ID].Tries, m.next.Links[b.Was.ID].Tries)
	})
	if len(all) > writesAtOnce {
		m.plan.Writes, m.plan.Later = all[:writesAtOnce], len(all)-writesAtOnce
	}
	for _, w := range m.plan.Writes {
		link := m.next.Links[w.Was.ID]
		link.Tries++
		if _, synced, _ := w.Sets(); synced && !w.Delete && w.Synced.After(link.Wrote) {
			link.Wrote = *w.Synced
		}
		m.next.Links[w.Was.ID] = link
	}
}

// Columns are those that a write changes, as the server calls them; none where the row goes.
func (w Write) Columns() (names []string) {
	if w.Delete {
		return nil
	}
	marked, synced, validUntil := w.Sets()
	for i, set := range []bool{marked, synced, validUntil} {
		if set {
			names = append(names, []string{"ToDelete", "LastSyncDate", "ValidUntil"}[i])
		}
	}
	return names
}

// Done is a write and what became of it.
type Done struct {
	Write
	Outcome vault.Outcome
}

// Wrote is the memory after some writes of a look. It is of no harm if it is never stored: the
// next look sees what is there.
func Wrote(m Memory, all []Done, now time.Time) Memory {
	m.Links, m.Unwritten = maps.Clone(m.Links), maps.Clone(m.Unwritten)
	for _, d := range all {
		switch d.Outcome {
		case vault.Written:
			m.Links[d.Was.ID] = m.Links[d.Was.ID].wrote(d.Write.Write, now)
			m.count(d.Delete, now)
		case vault.Overtaken:
			m.Unwritten[UnwrittenOvertaken]++
		case vault.Busy:
			m.Unwritten[UnwrittenBusy]++
		}
	}
	return m
}

func (m *Memory) count(deletion bool, now time.Time) {
	m.WroteAt = now
	if deletion {
		m.Deletions++
		return
	}
	m.Writes++
}

// wrote is the link of a row that has been written to, as if a look had seen it.
func (l Link) wrote(w vault.Write, now time.Time) Link {
	l.Tries = 0
	if w.Delete {
		l.Deleted = true
		return l
	}
	l.Marked, l.ValidUntil = w.Marked, at(w.ValidUntil)
	return l.dated(at(w.Synced), now)
}
