package merge

import (
	"maps"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// fresh decides about a row that nothing was carried out of.
func (m *merger) fresh(s *step, r vault.Row) {
	switch {
	case r.Marked: // withdrawn before anybody knew of it
		s.done.Marked = true
	case !s.seen.Orphaned.IsZero(): // shown; nobody is left whose offer it could be
	case m.replace(s, r):
	case m.taken(r), m.undecidedAhead(r):
	case m.busy[keyOf(r)]: // what came before it has not taken effect yet
	default:
		m.enter(s, r)
	}
}

// taken: another row of the vault has the key already, and the cloud could not tell them apart.
func (m *merger) taken(r vault.Row) bool {
	other, claimed := m.claimed[keyOf(r)]
	if claimed && other != r.ID {
		m.odd(OddTwoRows, "two rows of one member; the other one is followed, this one waits", r.ID, other)
		return true
	}
	return false
}

// undecidedAhead: another row that was there at take-over may have told the cloud of this
// member's id, and a person has not said yet whether it has.
func (m *merger) undecidedAhead(r vault.Row) bool {
	return !r.Admin && slices.ContainsFunc(m.Vault.Rows, func(other vault.Row) bool {
		return other.User == r.User && m.Memory.Links[other.ID].Undecided && m.knownToCloud(other) == ""
	})
}

// enter offers, or ties the row to what the ledger has already.
func (m *merger) enter(s *step, r vault.Row) {
	key := keyOf(r)
	entry := m.Ledger[key]
	switch {
	case entry.Revoking():
		m.wait(r, "the member's former offer is being withdrawn; this one follows when it is gone")
	case !entry.Exists():
		m.anew(s, r)
	case !sponsorship.SameAddress(entry.Email, r.Email):
		m.amend(s, r, key)
	case entry.Vault:
		m.carry(s, r, key)
	default: // somebody typed it in: from now on the vault is its master
		m.adopt(s, r, key)
	}
}

// replace ties the row to the key of a row that is gone and not yet withdrawn:
// the server deletes the row of an offer that failed, and the member tries again.
func (m *merger) replace(s *step, r vault.Row) bool {
	id, gone, found := m.predecessor(r)
	if !found {
		return false
	}
	s.replaces = id
	switch {
	case gone.Undo != nil: // nobody knows yet whether its offer has reached the queue
	case gone.Email == m.digest("address", strings.ToLower(r.Email)):
		m.carry(s, r, gone.Key)
	case m.Open[gone.Job]: // what came before it has not taken effect yet
	default:
		m.amend(s, r, gone.Key)
	}
	return true
}

// predecessor finds the row, gone and not withdrawn, of which r is the same wish or the next.
func (m *merger) predecessor(r vault.Row) (string, Link, bool) {
	for _, id := range slices.Sorted(maps.Keys(m.Memory.Links)) {
		gone := m.Memory.Links[id]
		_, here := m.present[id]
		if here || gone.Over || gone.Withdrawn || gone.Key == "" || gone.User != r.User || gone.Admin != r.Admin {
			continue
		}
		if r.Admin && gone.Email != m.digest("address", strings.ToLower(r.Email)) {
			continue // of an admin, each address is an offer of its own
		}
		if entry := m.Ledger[gone.Key]; entry.Revoking() || !entry.Exists() && !m.Open[gone.Job] {
			continue
		}
		return id, gone, true
	}
	return "", Link{}, false
}
