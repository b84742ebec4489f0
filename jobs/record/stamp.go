package record

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

const (
	// Life is how long a job that was refused or died can be asked for, and a job
	// that waits keeps its place.
	Life = 90 * 24 * time.Hour
	// Unput is how long a job may be stamped and not yet in the queue before it
	// counts as one that never came there.
	Unput = 30 * time.Second
	// scriptJobs bounds what one script does.
	scriptJobs = 200
)

// Item is a job that is about to be put into the queue.
type Item struct {
	ID           string
	Kind         jobs.Kind
	Organization sponsorship.ID
	User         sponsorship.ID // whose jobs keep their order
	Batch        string         // may be empty
	Place        int
	Origin       origin.Origin
	Sequence     int64 // of the dead job that this one runs again; 0 is the next one
}

// Stamp gives jobs their places: those of one organization in the order of the
// items. A job that was stamped before keeps its place, so a stamp can be repeated.
// Put the jobs into the queue after it, and tell the caller only then; but not those
// whose ids it returns: they have ended, or run again under another id.
func (s *Store) Stamp(ctx context.Context, items []Item) (over []string, err error) {
	for _, org := range organizations(items) {
		theirs := slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return i.Organization != org })
		for part := range slices.Chunk(theirs, scriptJobs) {
			ended, err := s.stampPart(ctx, org, part)
			if err != nil {
				return nil, fmt.Errorf("give %d jobs of %s their places: %w", len(part), org, err)
			}
			over = append(over, ended...)
		}
	}
	return over, nil
}

func organizations(items []Item) []sponsorship.ID {
	var all []sponsorship.ID
	seen := map[sponsorship.ID]bool{}
	for _, i := range items {
		if !seen[i.Organization] {
			seen[i.Organization] = true
			all = append(all, i.Organization)
		}
	}
	return all
}

func (s *Store) stampPart(ctx context.Context, org sponsorship.ID, part []Item) (over []string, err error) {
	keys := state.Keys(org, "")
	args := []any{Life.Milliseconds()}
	for _, i := range part {
		keys = append(keys, state.OrderKey(org, i.User), state.RecordKey(org, i.ID))
		sequence := ""
		if i.Sequence > 0 {
			sequence = fmt.Sprint(i.Sequence)
		}
		args = append(args, i.ID, string(i.User), string(i.Kind), i.Batch, i.Place, sequence, string(i.Origin))
	}
	return s.stamp.Run(ctx, s.rdb, keys, args...).StringSlice()
}

// Blocker is the first job of an order, which holds up the others.
type Blocker struct {
	ID                 string
	Organization, User sponsorship.ID
}

// Unblock lets the next job of an order go on where the first cannot: it has ended,
// or the queue does not hold it (then only once it was stamped [Unput] ago). It
// reports whether the way may be free.
func (s *Store) Unblock(ctx context.Context, b Blocker, ended bool) (bool, error) {
	flag := 0
	if ended {
		flag = 1
	}
	keys := append(state.Keys(b.Organization, ""), state.OrderKey(b.Organization, b.User), state.RecordKey(b.Organization, b.ID))
	n, err := s.unblock.Run(ctx, s.rdb, keys, b.ID, flag, Unput.Milliseconds()).Int()
	if err != nil {
		return false, fmt.Errorf("look at job %s, which others of its key wait for: %w", b.ID, err)
	}
	return n == 1, nil
}

// Line returns the first jobs of a key, at most n.
func (s *Store) Line(ctx context.Context, org, user sponsorship.ID, n int64) ([]string, error) {
	return s.rdb.LRange(ctx, state.OrderKey(org, user), 0, n-1).Result()
}

// Applied returns the sequence of the latest job of a key that took effect, or 0.
func (s *Store) Applied(ctx context.Context, org, user sponsorship.ID) (int64, error) {
	n, err := s.rdb.HGet(ctx, state.Key(org, "applied"), string(user)).Int64()
	return n, ignoreNil(err)
}
