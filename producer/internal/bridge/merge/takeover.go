package merge

import (
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// byMember groups the rows by the id that they carry: of an admin there may be many.
func (m *merger) byMember() map[sponsorship.ID][]vault.Row {
	groups := map[sponsorship.ID][]vault.Row{}
	for _, r := range m.Vault.Rows {
		groups[r.User] = append(groups[r.User], r)
	}
	return groups
}

// takeOver decides about a row that was there before us: the official job may
// have told the cloud of it, under the member's own id. The cloud can know one row of an id at most.
func (m *merger) takeOver(s *step, r vault.Row, group []vault.Row) {
	s.seen.Undecided, s.done.Undecided = true, true
	key := keyOf(r)
	switch entry, known := m.Ledger[key], m.knownToCloud(r); {
	case m.taken(r):
	case r.ID != first(group).ID:
		m.second(s, r, first(group))
	case entry.Exists() && entry.Vault:
		m.carry(s, r, key)
	case entry.Exists(), known == OfficialJobRan:
		m.takeAsKnown(s, r, entry)
	case !s.seen.Orphaned.IsZero(): // shown; nobody is left whose offer it could be
	case known == OfficialJobNever:
		m.redeem(s, r)
	default:
		m.unanswered++
	}
}

// takeAsKnown enters a row that the cloud knows, or may know, under the member's
// id; one that the ledger has already keeps its key there.
func (m *merger) takeAsKnown(s *step, r vault.Row, entry sponsorship.Sponsorship) {
	key := r.User
	if entry.Exists() {
		key = entry.UserID
	}
	m.adopt(s, r, key)
	s.unconfirmed = !entry.Exists() && !r.Marked && r.Synced == nil
}

// second: another row of this id is the one that the cloud may know.
func (m *merger) second(s *step, r, first vault.Row) {
	switch {
	case !r.Admin:
		m.odd(OddTwoRows, "two rows of one member; the other one is followed, this one waits", r.ID, first.ID)
	case r.Marked:
		s.done.Marked, s.done.Undecided = true, false
	case m.Ledger[keyOf(r)].Exists():
		m.enter(s, r)
	case !s.seen.Orphaned.IsZero():
	case m.knownToCloud(first) == "":
		m.unanswered++
	default:
		m.redeem(s, r)
	}
}

// knownToCloud: has the official job told the cloud of the row? Marked and dated
// rows say it themselves. An undated one says "no" where the job stores dates, and else
// nothing: then a person has to.
func (m *merger) knownToCloud(r vault.Row) OfficialJob {
	switch {
	case r.Marked, r.Synced != nil:
		return OfficialJobRan
	case m.Rules.DatesByJob:
		return OfficialJobNever
	}
	return m.Memory.OfficialJob
}

// first is the row that the cloud knows under the member's id, if it knows any:
// the dated one, else the oldest. The group is oldest first.
func first(group []vault.Row) vault.Row {
	for _, r := range group {
		if r.Synced != nil {
			return r
		}
	}
	return group[0]
}

// undecided says that rows wait until a person has answered.
func (m *merger) undecided() {
	if m.unanswered == 0 {
		m.lower(fault.HeldTakeOver)
		return
	}
	m.raise(fault.HeldTakeOver, m.unanswered)
}
