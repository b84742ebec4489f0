package ledger

import (
	"context"
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Wish is what one of several jobs asks to be stored.
type Wish struct {
	JobID string
	Write Write
}

// Answer is what became of a wish.
type Answer struct {
	Accepted
	Err error
}

// AcceptAll is [Ledger.Accept] for many, with one script for each organization. What goes
// wrong with one is not the others' failure.
func (l *Ledger) AcceptAll(ctx context.Context, all []Wish) []Answer {
	answers := make([]Answer, len(all))
	var asked []acceptance
	var places []int
	for n, w := range all {
		row, err := l.args(ctx, w.Write)
		if err != nil {
			answers[n].Err = err
			continue
		}
		s := w.Write.After
		turn := state.Turn{User: s.UserID, JobID: w.JobID}
		places = append(places, n)
		asked = append(asked, acceptance{org: s.OrganizationID, turn: turn, args: append([]any{w.JobID}, row...)})
	}
	for i, v := range l.acceptAll(ctx, asked) {
		answers[places[i]] = l.answer(v, all[places[i]].Write)
	}
	return answers
}

func (l *Ledger) answer(v verdict, w Write) (a Answer) {
	switch s := w.After; {
	case v.err != nil:
		a.Err = fmt.Errorf("accept sponsorship %s of %s: %w", s.UserID, s.OrganizationID, v.err)
	case v.reply[0] == "applied":
		a.Accepted = Accepted{Wake: v.reply[1], Next: v.reply[2]}
	default:
		a.Accepted, a.Err = l.notAccepted(v.reply, s)
	}
	return a
}
