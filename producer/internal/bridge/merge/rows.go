package merge

import (
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

const zeroID = "00000000-0000-0000-0000-000000000000"

// rows decides about each row that is there.
func (m *merger) rows() {
	groups := m.byMember()
	for _, r := range m.Vault.Rows {
		link := m.Memory.Links[r.ID]
		s := m.add(r.ID, m.observe(r, link))
		switch {
		case m.suspect(r):
		case link.Key != "":
			m.linked(s, r, link)
		case !m.sound(r):
		case m.taking, link.Undecided:
			m.takeOver(s, r, groups[r.User])
		default:
			m.fresh(s, r)
		}
	}
}

// observe updates what a link says of the row as last seen.
func (m *merger) observe(r vault.Row, link Link) Link {
	link.User, link.Admin = r.User, r.Admin
	link.Deleted = false
	if len(r.Unreadable) == 0 { // dates that can't be read are no news
		link = link.dated(at(r.Synced), m.Now)
		link.ValidUntil = at(r.ValidUntil)
	}
	return m.follow(link)
}

// dated is the link of a row whose last sync is seen at a look, or zero.
func (l Link) dated(synced, now time.Time) Link {
	if synced.Equal(l.Synced) {
		return l
	}
	l.Former, l.Synced = l.Synced, synced
	if l.Former.IsZero() {
		l.Dated = now
	}
	return l
}

// follow updates what a link says whether its row is there or not: of its job, and of
// its member.
func (m *merger) follow(link Link) Link {
	if !m.Open[link.Job] {
		link.Job = ""
	}
	switch {
	case !m.memberGone(link.User):
		link.Orphaned = time.Time{}
	case link.Orphaned.IsZero():
		link.Orphaned = m.Now
	}
	return link
}

func (m *merger) memberGone(user sponsorship.ID) bool {
	return m.Vault.Members != nil && !m.Vault.Members[user]
}

// sound: a job can be made of the row.
func (m *merger) sound(r vault.Row) bool {
	return r.User.Valid() && r.User != zeroID && sponsorship.CheckEmail(r.Email) == nil
}

// linked compares a row with what was last carried out of it.
func (m *merger) linked(s *step, r vault.Row, link Link) {
	entry := m.Ledger[link.Key]
	switch {
	case link.Over && (r.Marked || !m.differsInText(r, link)): // it came back, and a person has let it: it stays as it is until it changes
		m.carry(s, r, link.Key)
		s.done.Withdrawn, s.done.Gone = true, time.Time{}
	case r.Marked && !link.Marked:
		m.marked(s, link)
	case r.Marked:
	case !m.differs(r, link):
		m.orphaned(s, link)
	case !m.sound(r):
	case m.Open[link.Job]: // what came before it has not taken effect yet
	case entry.Revoking():
		m.wait(r, "the former offer of this row is being withdrawn; this one follows when it is gone")
	case !entry.Exists():
		m.anew(s, r)
	case m.differsInText(r, link):
		m.amend(s, r, link.Key)
	default: // the mark was taken back before anything came of it
		m.carry(s, r, link.Key)
	}
}

// marked carries a withdrawal out. The former texts stay remembered: the server
// may bring back an old address together with the mark.
func (m *merger) marked(s *step, link Link) {
	s.done.Marked = true
	if entry := m.Ledger[link.Key]; !entry.Revoking() && (entry.Exists() || m.Open[link.Job]) {
		m.revoke(s, link.Key)
	}
}

func (m *merger) differs(r vault.Row, link Link) bool { return link.Marked || m.differsInText(r, link) }

func (m *merger) differsInText(r vault.Row, link Link) bool {
	return link.Exact != m.digest("exact", r.Email) || link.Name != m.digest("name", r.Name)
}

// orphaned: the member's account is gone and the row still there, in two looks.
func (m *merger) orphaned(s *step, link Link) {
	if m.Rules.WithdrawOrphans && !s.seen.Orphaned.IsZero() && s.seen.Orphaned.Before(m.Now) && !link.Withdrawn {
		s.done.Withdrawn = true
		if entry := m.Ledger[link.Key]; entry.Exists() && !entry.Revoking() {
			m.revoke(s, link.Key)
		}
	}
}

// anew offers, unless the same address is still being withdrawn under another key.
func (m *merger) anew(s *step, r vault.Row) {
	if m.endingElsewhere(r) {
		m.wait(r, "an offer to the same address is being withdrawn; this one follows when it is gone")
		return
	}
	m.redeem(s, r)
}

func (m *merger) endingElsewhere(r vault.Row) bool {
	own := m.Memory.Links[r.ID]
	n := m.ending[m.digest("address", strings.ToLower(r.Email))]
	if own.Email == m.digest("address", strings.ToLower(r.Email)) && m.isEnding(r.ID, own) {
		n--
	}
	if n > 0 {
		return true
	}
	for key, e := range m.Ledger {
		if key != keyOf(r) && key != own.Key && withdrawing(e, r.Email) {
			return true
		}
	}
	return false
}

// withdrawing: the offer to an address is to go, by a revoke or for another address.
func withdrawing(s sponsorship.Sponsorship, address string) bool {
	revoke := leaving(s) && sponsorship.SameAddress(s.Email, address)
	replaced := sponsorship.SameAddress(s.Wire.Offered, address) && !sponsorship.SameAddress(s.Email, address)
	return revoke || replaced && s.Exists()
}

// keyOf is the key under which a new offer of the row stands in the ledger.
func keyOf(r vault.Row) sponsorship.ID {
	if r.Admin {
		return sponsorship.AdminKey(r.User, r.Email)
	}
	return r.User
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
