package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// markerLife is how long a job is remembered as applied: longer than any queue
// redelivers one.
const markerLife = 72 * time.Hour

// Accepted says what became of an Accept or a Remember.
type Accepted struct {
	// Conflict: the record has moved on; Current is what it is now.
	Conflict bool
	Current  sponsorship.Sponsorship
	// Duplicate: this job was applied before; Outcome is what Remember noted.
	Duplicate bool
	Outcome   string
	// Full: the outbox has no room for the event, and nothing was stored.
	Full bool
	// Held: this job waits for others, of which this one takes effect first.
	Held   string
	Before int // how many those are
	// Superseded: this job died and runs again, and a later one has taken effect.
	Superseded bool
	// Wake is the generation under which to enqueue a sync of what is pending,
	// or "" when there is nothing to wake: a sync that has not begun will take
	// this along, or none may run yet.
	Wake string
	// Next is the job whose turn it is now, or "".
	Next string
}

// Accept stores what a job asked for, in its turn: record, event, the marker that
// this job was applied, and that the organization has work, in one step.
func (l *Ledger) Accept(ctx context.Context, jobID string, w Write) (Accepted, error) {
	row, err := l.args(ctx, w)
	if err != nil {
		return Accepted{}, err
	}
	org, user := w.After.OrganizationID, w.After.UserID
	verdict, err := l.accepts.Do(ctx, acceptance{org: org, turn: state.Turn{User: user, JobID: jobID}, args: append([]any{jobID}, row...)})
	verdict.err = cmp.Or(err, verdict.err)
	answer := l.answer(verdict, w)
	return answer.Accepted, answer.Err
}

func (l *Ledger) notAccepted(reply []string, s sponsorship.Sponsorship) (a Accepted, err error) {
	switch reply[0] {
	case "full":
		return Accepted{Full: true}, nil
	case "duplicate":
		a.Duplicate, a.Outcome = true, reply[1]
		if len(reply) > 2 {
			a.Wake = reply[2]
		}
	case "held":
		a.Held = reply[1]
		a.Before, err = strconv.Atoi(reply[2])
	case "superseded":
		a.Superseded = true
	case "conflict":
		l.at(s.OrganizationID, reply[2], reply[3])
		current := sponsorship.Sponsorship{OrganizationID: s.OrganizationID, UserID: s.UserID}
		if reply[1] != "" {
			current, err = state.DecodeRow(s.OrganizationID, s.UserID, reply[1])
		}
		current.Revision, _ = strconv.ParseUint(reply[4], 10, 64) // the script's own number
		a.Conflict, a.Current = true, current
	}
	return a, err
}

// Ending is how a job ended that stored nothing.
type Ending struct {
	JobID   string
	Kind    jobs.Kind
	Seen    sponsorship.Sponsorship // the record by which that was decided
	Refusal error                   // why it was impossible; nil: it found its wish fulfilled
}

// Remember ends a job that stores nothing, in its turn, and only if the record is
// still as it was seen. Why one was refused is kept for as long as a dead one.
func (l *Ledger) Remember(ctx context.Context, e Ending) (Accepted, error) {
	org, user := e.Seen.OrganizationID, e.Seen.UserID
	outcome, reason := "", &fault.Error{}
	if e.Refusal != nil {
		outcome, reason = e.Refusal.Error(), fault.Parse(e.Refusal.Error())
	}
	reply, err := l.scripts.remember.Run(ctx, l.rdb, state.TurnKeys(org, state.Turn{User: user, JobID: e.JobID}),
		e.JobID, string(user), e.Seen.Revision, markerLife.Milliseconds(), outcome,
		string(reason.Code), reason.Message, string(e.Kind), record.Life.Milliseconds()).StringSlice()
	if err != nil {
		return Accepted{}, fmt.Errorf("remember job %s: %w", e.JobID, err)
	}
	if reply[0] == "noted" {
		return Accepted{Outcome: outcome, Next: reply[1]}, nil
	}
	return l.notAccepted(reply, e.Seen)
}

// Seen is a record as a job finds it.
type Seen struct {
	Sponsorship sponsorship.Sponsorship
	Applied     bool   // this job was applied before
	Outcome     string // what Remember noted of it then
	Generation  string // to wake the organization under, once more
}

// Lookup names a record, and the job that asks for it.
type Lookup struct {
	Organization, User sponsorship.ID
	JobID              string
}

// Look reads a record and, if the job was applied before, what was noted of it.
func (l *Ledger) Look(ctx context.Context, at Lookup) (Seen, error) {
	org := at.Organization
	pipe := l.rdb.Pipeline()
	marker := pipe.Get(ctx, state.MarkerKey(org, at.JobID))
	row := pipe.HGet(ctx, state.Key(org, "rows"), string(at.User))
	generation := pipe.HGet(ctx, state.Key(org, ""), "generation")
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return Seen{}, fmt.Errorf("read sponsorship %s of %s: %w", at.User, org, err)
	}
	seen := Seen{
		Sponsorship: sponsorship.Sponsorship{OrganizationID: org, UserID: at.User},
		Applied:     marker.Err() == nil, Outcome: marker.Val(), Generation: cmp.Or(generation.Val(), "0"),
	}
	var err error
	if row.Err() == nil {
		seen.Sponsorship, err = state.DecodeRow(org, at.User, row.Val())
	}
	seen.Sponsorship = l.raised(seen.Sponsorship)
	return seen, err
}

// None is the record of a member who never sponsored anyone, to be written first.
func (l *Ledger) None(org, user sponsorship.ID) sponsorship.Sponsorship {
	return l.raised(sponsorship.Sponsorship{OrganizationID: org, UserID: user})
}

// Applied reports whether a job was applied before.
func (l *Ledger) Applied(ctx context.Context, org sponsorship.ID, jobID string) (bool, error) {
	n, err := l.rdb.Exists(ctx, state.MarkerKey(org, jobID)).Result()
	return n == 1, wrap(err, "look for job %s", jobID)
}
