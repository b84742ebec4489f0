package merge

import (
	"maps"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	purgedAfter  = 90 * 24 * time.Hour // past ValidUntil the server drops rows by itself
	vanishedWait = 72 * time.Hour      // then a vanished row that was never redeemed counts as withdrawn
	fewMoments   = time.Minute         // in which a revoke may have read the row before it got its date
)

// vanished decides about each linked row that is not there any more.
func (m *merger) vanished() {
	m.lower(fault.HeldRowVanished)
	replaced := map[string]bool{}
	for _, s := range m.steps {
		replaced[s.replaces] = s.replaces != ""
	}
	for _, id := range slices.Sorted(maps.Keys(m.Memory.Links)) {
		link := m.Memory.Links[id]
		if _, here := m.present[id]; here || link.Over || replaced[id] {
			continue
		}
		s := m.add(id, m.missing(link))
		if m.Vault.Detached[id] || m.carriedOn(id, link) || m.settledAnyway(link) {
			s.done.Over = true
		} else if s.seen.Gone.Before(m.Now) {
			m.gone(s)
		}
	}
}

// missing updates what a link says while its row is not there.
func (m *merger) missing(link Link) Link {
	if link.Gone.IsZero() {
		link.Gone = m.Now
	}
	return m.follow(link)
}

// carriedOn: another row, which is there and stands, has the key by now.
func (m *merger) carriedOn(id string, link Link) bool {
	owner, owned := m.claimed[link.Key]
	return link.Key != "" && owned && owner != id && slices.ContainsFunc(m.steps, func(s *step) bool {
		return s.row == owner && !s.done.Withdrawn && !s.done.Marked
	})
}

// settledAnyway: nothing was carried out of the row, or all that could be; or the
// server dropped it as long expired.
func (m *merger) settledAnyway(link Link) bool {
	entry := m.Ledger[link.Key]
	return link.Key == "" || link.Deleted || link.Marked || link.Withdrawn ||
		!link.ValidUntil.IsZero() && m.since(link.ValidUntil) > purgedAfter ||
		!m.Open[link.Job] && (!entry.Exists() || entry.Revoking())
}

// gone withdraws, once it is certain that the row's end was meant.
func (m *merger) gone(s *step) {
	link := s.seen
	lasted := m.since(link.Gone)
	undated := link.Synced.IsZero() || link.Dated.After(link.Gone.Add(-fewMoments))
	left := !link.Orphaned.IsZero() && link.Orphaned.Before(m.Now)
	redeemed := m.Ledger[link.Key].Status == sponsorship.Redeemed
	switch {
	case lasted < m.Rules.Grace:
	case link.Settled == SettledKeep:
		s.done.Over = true
	case undated, left, link.Settled == SettledWithdraw, lasted >= vanishedWait && !redeemed:
		s.done.Over, s.done.Withdrawn = true, true
		m.revoke(s, link.Key)
	default:
		m.raiseFor(m.vanishedHold(link))
	}
}

// vanishedHold keeps the date of a hold that stands.
func (m *merger) vanishedHold(link Link) Hold {
	h := Hold{Reason: fault.HeldRowVanished, User: link.User, Since: m.Now}
	for _, old := range m.Memory.Holds {
		if old.Reason == h.Reason && old.User == h.User {
			h.Since = old.Since
		}
	}
	return h
}
