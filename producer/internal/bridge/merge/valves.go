package merge

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

const (
	day            = 24 * time.Hour
	fewWithdrawals = 5  // a day
	fewOffers      = 50 // in one look
	partOfAll      = 10 // a tenth of the rows, where that is more
)

// hold drops the steps that a person has to let through first.
func (m *merger) hold() {
	m.tally()
	m.undecided()
	m.source()
	m.withdrawals()
	m.offers()
	m.writes()
	if m.held(fault.HeldRestored, fault.HeldOfficialJob, fault.HeldMemoryLost, fault.HeldConnectionChanged,
		fault.HeldSourceMissing, fault.HeldFirstWrite, fault.HeldSchema) {
		m.drop(func(*step) bool { return true })
		m.plan.Writes = nil
	}
}

// drop keeps what was seen, and lets nothing follow from it.
func (m *merger) drop(which func(*step) bool) {
	for _, s := range m.steps {
		if which(s) {
			s.done, s.kind, s.args, s.replaces = s.seen, nothing, nil, ""
		}
	}
}

func of(k kind) func(*step) bool { return func(s *step) bool { return s.kind == k } }

func (m *merger) count(k kind) int {
	n := 0
	for _, s := range m.steps {
		if s.kind == k {
			n++
		}
	}
	return n
}

// source: while the organization, its connection or all its members are missing,
// nobody's row is taken for given up. One look may have read torn tables; the second one holds.
func (m *merger) source() {
	missing := !m.Vault.Found || m.connected == nil && m.plan.Disconnected ||
		m.Vault.Members != nil && len(m.Vault.Members) == 0 && len(m.Memory.Links) > 0
	if !missing {
		m.next.Missing = time.Time{}
		return
	}
	if m.next.Missing.IsZero() {
		m.next.Missing = m.Now
	}
	again := m.next.Missing.Before(m.Now)
	resumed := again && m.Memory.Resumed[fault.HeldSourceMissing].After(m.next.Missing)
	if m.count(withdraw) == 0 || resumed {
		return
	}
	if again {
		m.raise(fault.HeldSourceMissing, m.count(withdraw))
	}
	m.drop(of(withdraw))
}

// withdrawals stops them all when there are unusually many within a day.
func (m *merger) withdrawals() {
	if m.next.Since.IsZero() || m.since(m.next.Since) >= day {
		m.next.Since, m.next.Rows, m.next.Withdrawn, m.next.AllowedWithdrawals = m.Now, m.followed(), 0, 0
	}
	n := m.count(withdraw)
	limit := max(fewWithdrawals, m.next.Rows/partOfAll) + m.next.AllowedWithdrawals
	if n == 0 {
		return
	}
	if m.held(fault.HeldMassWithdrawal) || m.next.Withdrawn+n > limit {
		m.raise(fault.HeldMassWithdrawal, n)
		m.drop(of(withdraw))
		return
	}
	m.next.Withdrawn += n
}

// followed counts the rows that something was carried out of and that were there until now.
func (m *merger) followed() int {
	n := 0
	for _, link := range m.Memory.Links {
		if link.Key != "" && !link.Over {
			n++
		}
	}
	if m.taking {
		return len(m.Vault.Rows)
	}
	return n
}

// offers stops them all when unusually many would be mailed at once.
func (m *merger) offers() {
	n := m.count(offer)
	if n == 0 {
		return
	}
	limit := max(fewOffers, m.followed()/partOfAll) + m.next.AllowedOffers
	if m.held(fault.HeldMassOffer) || n > limit {
		m.raise(fault.HeldMassOffer, n)
		m.drop(of(offer))
		return
	}
	m.next.AllowedOffers = 0
}
