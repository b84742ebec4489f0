package state

import (
	"context"
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

// Look reads a record and, if the job was applied before, what was noted of it.
func (l *Ledger) Look(ctx context.Context, org, id sponsorship.ID, jobID string) (s sponsorship.Sponsorship, outcome string, applied bool, err error) {
	pipe := l.rdb.Pipeline()
	marker := pipe.Get(ctx, markerKey(org, jobID))
	row := pipe.HGet(ctx, orgKey(org, "rows"), string(id))
	if _, err = pipe.Exec(ctx); err != nil && err != redis.Nil {
		return s, "", false, fmt.Errorf("read sponsorship %s of %s: %w", id, org, err)
	}
	s = sponsorship.Sponsorship{OrganizationID: org, UserID: id}
	if row.Err() == nil {
		if s, err = decodeRow(row.Val()); err != nil {
			return s, "", false, err
		}
	}
	return s, marker.Val(), marker.Err() == nil, nil
}

// Remember notes the outcome of a job that stored nothing: "" for a success, or
// the text of its fault. The first note stays.
func (l *Ledger) Remember(ctx context.Context, org sponsorship.ID, jobID, outcome string) error {
	if err := l.rdb.SetNX(ctx, markerKey(org, jobID), outcome, markerLife).Err(); err != nil {
		return fmt.Errorf("remember job %s: %w", jobID, err)
	}
	return nil
}
