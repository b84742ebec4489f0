package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
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
	Outcome   string
	// Wake is the generation under which to enqueue a sync of what is pending,
	// or "" when there is nothing to wake: a sync that has not begun will take
	// this along, or none may run yet.
	Wake string
}

// Accept stores what a job asked for: record, event, the marker that this job
// was applied, and that the organisation has work, in one step.
func (l *Ledger) Accept(ctx context.Context, jobID string, w Write, now time.Time) (Accepted, error) {
	row, err := w.rowArgs()
	if err != nil {
		return Accepted{}, err
	}
	org := w.After.OrganizationID
	args := append([]any{now.UnixMilli(), markerLife.Milliseconds()}, row...)
	reply, err := l.scripts.accept.Run(ctx, l.rdb, keys(org, jobID), append(args, eventArgs(w.Event)...)...).StringSlice()
	if err != nil {
		return Accepted{}, fmt.Errorf("accept sponsorship %s of %s: %w", w.After.UserID, org, err)
	}
	switch reply[0] {
	case "duplicate":
		return Accepted{Duplicate: true, Outcome: reply[1], Wake: reply[2]}, nil
	case "conflict":
		current := sponsorship.Sponsorship{OrganizationID: org, UserID: w.After.UserID}
		if reply[1] != "" {
			current, err = decodeRow(reply[1])
		}
		return Accepted{Conflict: true, Current: current}, err
	}
	return Accepted{Wake: reply[1]}, nil
}

// Seen is a record as a job finds it.
type Seen struct {
	Sponsorship sponsorship.Sponsorship
	Applied     bool   // this job was applied before
	Outcome     string // what Remember noted of it then
	Generation  string // to wake the organisation under, once more
}

// Look reads a record and, if the job was applied before, what was noted of it.
func (l *Ledger) Look(ctx context.Context, org, id sponsorship.ID, jobID string) (Seen, error) {
	pipe := l.rdb.Pipeline()
	marker := pipe.Get(ctx, markerKey(org, jobID))
	row := pipe.HGet(ctx, orgKey(org, "rows"), string(id))
	generation := pipe.HGet(ctx, orgKey(org, ""), "generation")
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return Seen{}, fmt.Errorf("read sponsorship %s of %s: %w", id, org, err)
	}
	seen := Seen{
		Sponsorship: sponsorship.Sponsorship{OrganizationID: org, UserID: id},
		Applied:     marker.Err() == nil, Outcome: marker.Val(), Generation: orZero(generation.Val()),
	}
	var err error
	if row.Err() == nil {
		seen.Sponsorship, err = decodeRow(row.Val())
	}
	return seen, err
}

// Remember notes the outcome of a job that stored nothing: "" for a success, or
// the text of its fault. The first note stays, and is returned.
func (l *Ledger) Remember(ctx context.Context, org sponsorship.ID, jobID, outcome string) (string, error) {
	pipe := l.rdb.Pipeline()
	pipe.SetNX(ctx, markerKey(org, jobID), outcome, markerLife)
	noted := pipe.Get(ctx, markerKey(org, jobID))
	if _, err := pipe.Exec(ctx); err != nil {
		return "", fmt.Errorf("remember job %s: %w", jobID, err)
	}
	return noted.Val(), nil
}
