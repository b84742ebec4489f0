package merge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

func (m *merger) odd(kind OddKind, message string, rows ...string) {
	m.plan.Odd = append(m.plan.Odd, Oddity{Kind: kind, Rows: rows, Message: message})
}

// oddities names what a person should know. No message holds an address.
func (m *merger) oddities() {
	addresses := map[string]string{}
	for _, r := range m.Vault.Rows {
		m.oddRow(r)
		if address := strings.ToLower(r.Email); !r.Marked && address != "" {
			if other, twice := addresses[address]; twice {
				m.odd(OddOneAddress, "two rows offer to one address", other, r.ID)
			}
			addresses[address] = r.ID
		}
	}
	m.unlinked()
}

func (m *merger) oddRow(r vault.Row) {
	link := m.next.Links[r.ID]
	switch err := sponsorship.CheckEmail(r.Email); {
	case !r.User.Valid() || r.User == zeroID:
		m.odd(OddMember, "the row names no member; it waits", r.ID)
	case err != nil && !r.Marked:
		m.odd(OddAddress, fmt.Sprintf("the address %s; the row waits until the member offers again", err), r.ID)
	case len(r.Unreadable) > 0:
		m.odd(OddDate, "no date can be read from "+strings.Join(r.Unreadable, ", ")+
			": the server itself can't read this organization's rows any more", r.ID)
	case m.due[r.ID]: // it is about to go
	case r.Marked && r.Synced == nil && !m.Ledger[link.Key].Exists():
		m.odd(OddZombie, "marked for deletion, and never sent: nothing to tell the cloud, and the server never deletes it", r.ID)
	case !r.Marked && !link.Orphaned.IsZero():
		m.odd(OddOrphan, "the member's account is gone and the offer still there", r.ID)
	case !r.Marked:
		m.unmet(r, link)
	}
}

// unmet names a row of which everything was carried out, and that the cloud does not have all
// the same. Members see nothing of that in the vault.
func (m *merger) unmet(r vault.Row, link Link) {
	entry := m.Ledger[link.Key]
	switch {
	case link.Key == "" || link.Job != "" || link.Over || m.differs(r, link):
	case entry.Status == sponsorship.Removed, entry.Status == sponsorship.Expiring:
		m.odd(OddNotOffered, "it was withdrawn, and came back or was left in the vault: it is not offered again until its member changes it", r.ID)
	case entry.Status == sponsorship.Redeemed && !sponsorship.SameAddress(entry.Email, r.Email):
		m.odd(OddRedeemed, "the recipient of the former offer has accepted it, so this address is not offered: the member must revoke first", r.ID)
	}
}

// unlinked reports what the ledger has and no row asks for; it is never withdrawn for that.
func (m *merger) unlinked() {
	linked := map[sponsorship.ID]bool{}
	for _, link := range m.next.Links {
		linked[link.Key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(m.Ledger)) {
		if s := m.Ledger[key]; s.Exists() && s.Status != sponsorship.Expiring && !linked[key] {
			m.odd(OddUnlinked, "sponsorship "+string(key)+" has no row in the vault; it is left alone")
		}
	}
}
