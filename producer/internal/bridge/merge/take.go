package merge

// tally counts what people are told, before anything is held back.
func (m *merger) tally() {
	c := &m.plan.Counts
	c.Offers, c.Changes, c.Withdrawals = m.count(offer), m.count(change), m.count(withdraw)
	c.Known, c.Unknown = m.count(adopt), m.unanswered
	for _, s := range m.steps {
		if _, here := m.present[s.row]; here && s.seen.Key != "" && !s.seen.Over {
			c.Known++
		}
	}
}

// take turns the steps that are left into jobs and memory.
func (m *merger) take() {
	for _, s := range m.steps {
		if _, here := m.present[s.row]; !here && s.done.Key == "" {
			delete(m.next.Links, s.row) // nothing ever came of it
			continue
		}
		m.next.Links[s.row] = s.done
		if s.replaces != "" && s.done.Key != "" {
			old := m.next.Links[s.replaces]
			old.Over, old.Gone = true, m.Now
			m.next.Links[s.replaces] = old
		}
		if s.kind != nothing {
			m.plan.Jobs = append(m.plan.Jobs, Job{ID: s.done.Job, Row: s.row, Args: s.args, Replaces: s.replaces, Unconfirmed: s.unconfirmed})
		}
	}
}
