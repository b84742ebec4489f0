package merge

import (
	"maps"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Resume lets through what is held for the organization as a whole. It starts
// the count of withdrawals anew. Rows that came back after they were removed here stay:
// they are not offered again until their member changes them.
func Resume(m Memory, now time.Time) Memory {
	m = m.clone()
	for _, h := range m.Holds {
		if h.User != "" {
			continue
		}
		m.Resumed[h.Reason] = now
		switch h.Reason {
		case fault.HeldMassWithdrawal:
			m.Since, m.Withdrawn, m.AllowedWithdrawals = now, 0, h.Count
		case fault.HeldMassOffer:
			m.AllowedOffers = h.Count
		case fault.HeldConnectionChanged:
			m.CloudOrg = ""
		case fault.HeldRestored:
			m.clear()
		}
	}
	m.Holds = slices.DeleteFunc(m.Holds, func(h Hold) bool { return h.User == "" && h.Reason != fault.HeldTakeOver })
	return m
}

// Answer records whether the official job has told the cloud of what was there at take-over.
func Answer(m Memory, o OfficialJob) Memory {
	m = m.clone()
	m.OfficialJob = o
	return m
}

// Settle records a person's word about a member's vanished rows.
func Settle(m Memory, user sponsorship.ID, word Settled) Memory {
	m = m.clone()
	for id, link := range m.Links {
		if link.User == user && !link.Gone.IsZero() && !link.Over {
			link.Settled = word
			m.Links[id] = link
		}
	}
	return m
}

func (m Memory) clear() {
	for id, link := range m.Links {
		if !link.Back.IsZero() {
			link.Cleared, link.Back, link.Gone = true, time.Time{}, time.Time{}
			m.Links[id] = link
		}
	}
}

func (m Memory) clone() Memory {
	m.Holds = slices.Clone(m.Holds)
	m.Links = maps.Clone(m.Links)
	if m.Resumed = maps.Clone(m.Resumed); m.Resumed == nil {
		m.Resumed = map[fault.Held]time.Time{}
	}
	return m
}
