package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// markerLife is how long a job is remembered as applied: longer than any queue
// redelivers one.
const markerLife = 72 * time.Hour

// Accepted says what became of an Accept.
type Accepted struct {
	// Conflict: the record has moved on; Current is what it is now.
	Conflict bool
	Current  sponsorship.Sponsorship
	// Duplicate: this job was applied before; Outcome is what Remember noted.
	Duplicate bool
	// Full: the outbox has no room for the event, and nothing was stored.
	Full    bool
	Outcome string
	// Wake is the generation under which to enqueue a sync of what is pending,
	// or "" when there is nothing to wake: a sync that has not begun will take
	// this along, or none may run yet.
	Wake string
}

// Accept stores what a job asked for: record, event, the marker that this job
// was applied, and that the organization has work, in one step.
func (l *Ledger) Accept(ctx context.Context, jobID string, w Write) (Accepted, error) {
	row, err := w.args()
	if err != nil {
		return Accepted{}, err
	}
	org := w.After.OrganizationID
	reply, err := l.scripts.accept.Run(ctx, l.rdb, state.Keys(org, jobID),
		append([]any{markerLife.Milliseconds(), l.OutboxLimit}, row...)...).StringSlice()
	if err != nil {
		return Accepted{}, fmt.Errorf("accept sponsorship %s of %s: %w", w.After.UserID, org, err)
	}
	switch reply[0] {
	case "full":
		return Accepted{Full: true}, nil
	case "duplicate":
		return Accepted{Duplicate: true, Outcome: reply[1], Wake: reply[2]}, nil
	case "conflict":
		l.at(org, reply[2], reply[3])
		current := sponsorship.Sponsorship{OrganizationID: org, UserID: w.After.UserID}
		if reply[1] != "" {
			current, err = state.DecodeRow(reply[1])
		}
		current.Revision, _ = strconv.ParseUint(reply[4], 10, 64) // the script's own number
		return Accepted{Conflict: true, Current: current}, err
	}
	return Accepted{Wake: reply[1]}, nil
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
		seen.Sponsorship, err = state.DecodeRow(row.Val())
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

// Remember notes the outcome of a job that stored nothing: "" for a success, or
// the text of its fault. The first note stays, and is returned.
func (l *Ledger) Remember(ctx context.Context, org sponsorship.ID, jobID, outcome string) (string, error) {
	pipe := l.rdb.Pipeline()
	pipe.SetNX(ctx, state.MarkerKey(org, jobID), outcome, markerLife)
	noted := pipe.Get(ctx, state.MarkerKey(org, jobID))
	if _, err := pipe.Exec(ctx); err != nil {
		return "", fmt.Errorf("remember job %s: %w", jobID, err)
	}
	return noted.Val(), nil
}
