package merge

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// told is what a row should be told of its sponsorship, and whether that is anything: as if
// nothing else had to be thought of. A date is never taken back, and none is written
// merely to refresh it. Nothing of a deletion needs to be right but that the row's sponsorship is over.
func told(r vault.Row, entry sponsorship.Sponsorship, now time.Time) (vault.Write, bool) {
	w := vault.Write{Was: r, Marked: r.Marked, Synced: r.Synced, ValidUntil: r.ValidUntil}
	switch {
	case over(r, entry, now):
		w.Delete = true
		return w, true
	case entry.Revoking():
		w.Marked, w.ValidUntil, w.Synced = true, newest(r.ValidUntil, entry.ValidUntil), ours(r, entry)
	case r.Marked: // it is to go, and the ledger has not heard of it yet
	case entry.Status == sponsorship.Sent && r.Synced == nil:
		w.Synced = ours(r, entry)
	case entry.Status == sponsorship.Redeemed:
		if w.ValidUntil = newest(r.ValidUntil, entry.ValidUntil); !at(w.ValidUntil).Equal(at(r.ValidUntil)) {
			w.Synced = ours(r, entry)
		}
	}
	marked, synced, validUntil := w.Sets()
	return w, marked || synced || validUntil
}

// over: nobody has, or will ever have, anything of what the row says.
func over(r vault.Row, entry sponsorship.Sponsorship, now time.Time) bool {
	switch entry.Status {
	case "":
		return r.Marked
	case sponsorship.Removed:
		return true
	case sponsorship.Expired:
		return r.Marked || purged(entry.ValidUntil, now) && (r.ValidUntil == nil || purged(r.ValidUntil, now))
	case sponsorship.Refused:
		return r.Marked && r.Synced == nil && entry.LastSyncAt == nil
	}
	return false
}

// purged: the server itself drops a row that old.
func purged(validUntil *time.Time, now time.Time) bool {
	return validUntil != nil && now.Sub(*validUntil) > purgedAfter
}

// newest is the cloud's date where it has one, else the row's.
func newest(row, cloud *time.Time) *time.Time {
	if cloud == nil {
		return row
	}
	return micros(*cloud)
}

// ours is the date of the last sync to write: never one before the row's.
func ours(r vault.Row, entry sponsorship.Sponsorship) *time.Time {
	if entry.LastSyncAt == nil || !micros(*entry.LastSyncAt).After(at(r.Synced)) {
		return r.Synced
	}
	return micros(*entry.LastSyncAt)
}

func micros(t time.Time) *time.Time {
	t = vault.Cut(t)
	return &t
}

// Write is one change of a row in the vault.
type Write struct {
	User sponsorship.ID
	vault.Write
}

// Unwritten says why a row is not told what it should be.
type Unwritten string

// The reasons.
const (
	UnwrittenWish       Unwritten = "wish_first"      // what its member wants is not carried out yet
	UnwrittenAddress    Unwritten = "another_address" // the cloud has the offer to another address
	UnwrittenUnreadable Unwritten = "unreadable"      // it holds a date that nobody can read
	UnwrittenTwoRows    Unwritten = "two_rows"        // another row of the member has the sponsorship
	UnwrittenMember     Unwritten = "member_held"     // the member is held
	UnwrittenOvertaken  Unwritten = "overtaken"       // it had changed by then
	UnwrittenBusy       Unwritten = "busy"            // the server kept it
)

// write decides what is to be written to a row, if anything, and why not.
func (m *merger) write(s *step, r vault.Row) (w vault.Write, is bool, not Unwritten) {
	link, known := m.Memory.Links[r.ID]
	if !known || !m.Vault.Found || link.Undecided || link.Over || m.suspect(r) {
		return w, false, ""
	}
	entry, mine := m.ledgerOf(r, link)
	if w, is = told(r, entry, m.Now); !is {
		return w, false, ""
	}
	switch {
	case len(r.Unreadable) > 0:
		not = UnwrittenUnreadable
	case !mine:
		not = UnwrittenTwoRows
	case s.kind != nothing, m.Open[link.Job], link.Undo != nil, m.wishes(r, link),
		w.Delete && !r.Marked && entry.Revision <= link.Asked: // its last offer came to nothing: that is no end of it
		not = UnwrittenWish
	case !(w.Delete && r.Marked) && !sponsorship.SameAddress(entry.Email, r.Email):
		not = UnwrittenAddress
	case m.heldMember(r.User):
		not = UnwrittenMember
	}
	return w, not == "", not
}

// ledgerOf is what the ledger has for the row, and whether no other row could be meant. Of one that
// nothing came of it has nothing, or what a second row of the member came to.
func (m *merger) ledgerOf(r vault.Row, link Link) (entry sponsorship.Sponsorship, mine bool) {
	if link.Key != "" {
		return m.Ledger[link.Key], m.claimed[link.Key] == r.ID
	}
	return sponsorship.Sponsorship{}, !m.Ledger[keyOf(r)].Exists() && !m.Ledger[r.User].Exists()
}

// wishes: the row says something that was not carried out. A mark says all that a row can say,
// whatever texts came back with it.
func (m *merger) wishes(r vault.Row, link Link) bool {
	if r.Marked {
		return link.Key != "" && !link.Marked
	}
	return m.differs(r, link)
}

func (m *merger) heldMember(user sponsorship.ID) bool {
	for _, h := range m.next.Holds {
		if h.User == user && user != "" {
			return true
		}
	}
	return false
}
