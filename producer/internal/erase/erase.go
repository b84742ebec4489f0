// Package erase ends organizations here, and erases what is known of them or of one
// person, for the command line and the HTTP API alike.
//
// What the cloud holds it withdraws first, if that is asked for, by jobs like
// anybody's; it never calls the cloud. What was published stays in the event stream:
// no address and no name is in it.
package erase

import (
	"context"
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Eraser ends and erases. All fields are required.
type Eraser struct {
	Ledger *state.Ledger
	Jobs   *enqueue.Client
	Bridge Rememberer
}

// Rememberer is what the bridge remembers.
type Rememberer interface {
	// Forget leaves of one sponsorship's rows of the vault what keeps them from being offered
	// again.
	Forget(ctx context.Context, org, key sponsorship.ID) error
}

// Disconnect ends an organization here: its token is erased, and nothing is sent for
// it any more before it is connected and synced by hand again.
func (e Eraser) Disconnect(ctx context.Context, org sponsorship.ID) error {
	_, err := e.Ledger.Disconnect(ctx, org)
	return err
}

// Organization erases all that is known of an organization that is disconnected, and
// its jobs. It returns how many jobs were dropped.
func (e Eraser) Organization(ctx context.Context, org sponsorship.ID) (dropped int, err error) {
	if dropped, err = e.drop(ctx, enqueue.Subject{Organization: org}); err != nil {
		return dropped, err
	}
	return dropped, e.Ledger.Erase(ctx, org)
}

// OfferedError says that a person cannot be forgotten yet.
type OfferedError struct{ Sponsorship sponsorship.Sponsorship }

// Error implements error.
func (e *OfferedError) Error() string {
	return fmt.Sprintf("the sponsorship of %s is not over: it is %s", e.Sponsorship.UserID, e.Sponsorship.Status)
}

// Hint says what must come first.
func (e *OfferedError) Hint() string {
	s := e.Sponsorship
	if s.Status == sponsorship.Expiring && s.ValidUntil != nil {
		return "it is withdrawn already, and in use until " + s.ValidUntil.UTC().Format(time.DateOnly) +
			"; the cloud must be asked about it by its address until then: forget it after that day"
	}
	return fmt.Sprintf("withdraw it first: 'producer change-sponsorship --org %s --user %s --revoke --wait'; then forget it", s.OrganizationID, s.UserID)
}

// Forgotten is what came of [Eraser.Person].
type Forgotten struct {
	Known bool // the ledger had a record with an address
	Jobs  int  // how many were dropped
}

// Person erases address and name of one sponsorship, by its key in the ledger, and
// drops its jobs: those that wait, too; and what the bridge remembers. Of the record stays
// what keeps later events in order. The error is an [*OfferedError] while the sponsorship is not over.
func (e Eraser) Person(ctx context.Context, org, key sponsorship.ID) (done Forgotten, err error) {
	if _, err = e.over(ctx, org, key); err != nil {
		return done, err
	}
	if done.Jobs, err = e.drop(ctx, enqueue.Subject{Organization: org, Key: key}); err != nil {
		return done, err
	}
	if err := e.Bridge.Forget(ctx, org, key); err != nil {
		return done, err
	}
	row, err := e.over(ctx, org, key) // again: a job may have ended in between
	if err != nil || row.Status == "" || row.Forgotten() {
		return done, err
	}
	n, err := e.Ledger.Forget(ctx, org, state.Forgetting{Read: row})
	if err == nil && n == 0 {
		err = fmt.Errorf("forget %s of %s: it has changed just now; do it again", key, org)
	}
	done.Known = err == nil
	return done, err
}

func (e Eraser) over(ctx context.Context, org, key sponsorship.ID) (sponsorship.Sponsorship, error) {
	rows, err := e.Ledger.Get(ctx, org, key)
	if err != nil {
		return sponsorship.Sponsorship{}, err
	}
	if rows[0].Exists() {
		return rows[0], &OfferedError{rows[0]}
	}
	return rows[0], nil
}

// Jobs that run are given a moment to end.
const (
	looks = 20
	pause = 250 * time.Millisecond
)

func (e Eraser) drop(ctx context.Context, of enqueue.Subject) (dropped int, err error) {
	inspector := enqueue.NewInspector(e.Jobs)
	for n := 0; ; n++ {
		found, err := inspector.Erase(ctx, of)
		dropped += found.Dropped
		if err != nil || len(found.Running) == 0 {
			return dropped, err
		}
		if n == looks {
			return dropped, fmt.Errorf("%d jobs run just now, such as %s, and cannot be dropped: do it again in a moment", len(found.Running), found.Running[0])
		}
		if err := jobs.Sleep(ctx, pause); err != nil {
			return dropped, err
		}
	}
}
