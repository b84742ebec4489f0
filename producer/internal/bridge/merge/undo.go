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
// to be called with what is known of them (see [Look]) before each merge. Of a job that is
// open it keeps both: perhaps it has only got its place, and whoever was to put it in is gone.
func Reached(m Memory, open map[string]bool) Memory {
	m.Links = maps.Clone(m.Links)
	for row, link := range m.Links {
		switch after := link.reached(open); after {
		case nil:
			delete(m.Links, row)
		default:
			m.Links[row] = *after
		}
	}
	return m
}

// reached is what is left of a link; nil: nothing.
func (l Link) reached(open map[string]bool) *Link {
	if l.Undo == nil {
		return &l
	}
	switch waits, reached := open[l.Undo.Job]; {
	case reached && !waits:
		l.Undo = nil
	case reached:
	case l.Undo.Link == nil:
		return nil
	default:
		return l.Undo.Link.reached(open)
	}
	return &l
}

// Named returns the jobs that the memory must know the fate of.
func (m Memory) Named() (ids []string) {
	for _, link := range m.Links {
		for l := &link; l != nil; {
			if l.Job != "" {
				ids = append(ids, l.Job)
			}
			if l.Undo == nil {
				break
			}
			if l.Undo.Job != l.Job {
				ids = append(ids, l.Undo.Job)
			}
			l = l.Undo.Link
		}
	}
	return ids
}
