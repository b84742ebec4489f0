package merge

import "maps"

// Asked returns what is remembered before the plan's jobs are sent: only what they are
// about. Were a row to vanish between a job that was sent and a memory that was not stored,
// nobody would know any more whose offer it was.
func (p Plan) Asked(before Memory) Memory {
	before.Begun = p.Memory.Begun
	before.Links = maps.Clone(before.Links)
	if before.Links == nil {
		before.Links = map[string]Link{}
	}
	for _, job := range p.Jobs {
		for _, row := range []string{job.Row, job.Replaces} {
			if row == "" {
				continue
			}
			undo := &Undo{Job: job.ID}
			if old, had := before.Links[row]; had {
				undo.Link = &old
			}
			link := p.Memory.Links[row]
			link.Undo = undo
			before.Links[row] = link
		}
	}
	return before
}

// Reached takes back what was remembered of jobs that have never reached the queue. It is
// to be called with what is known of them (see [Look]) before each merge.
func Reached(m Memory, open map[string]bool) Memory {
	m.Links = maps.Clone(m.Links)
	for row, link := range m.Links {
		if link.Undo == nil {
			continue
		}
		_, reached := open[link.Undo.Job]
		switch {
		case reached:
			link.Undo = nil
			m.Links[row] = link
		case link.Undo.Link == nil:
			delete(m.Links, row)
		default:
			m.Links[row] = *link.Undo.Link
		}
	}
	return m
}

// Named returns the jobs that the memory must know the fate of.
func (m Memory) Named() (ids []string) {
	for _, link := range m.Links {
		if link.Job != "" {
			ids = append(ids, link.Job)
		}
		if link.Undo != nil && link.Undo.Job != link.Job {
			ids = append(ids, link.Undo.Job)
		}
		if link.Undo != nil && link.Undo.Link != nil && link.Undo.Link.Job != "" {
			ids = append(ids, link.Undo.Link.Job)
		}
	}
	return ids
}
