package record

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/internal/roundtrip"
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

// Stamped is what became of an item.
type Stamped struct {
	Over bool  // it has ended, or runs again under another id: it must not be put into the queue
	Err  error // it has no place, as far as is known
}

// Stamp gives jobs their places: those of one organization in the order of the
// items. A job that was stamped before keeps its place, so a stamp can be repeated.
// Put the jobs into the queue after it, and tell the caller only then.
func (s *Store) Stamp(ctx context.Context, items []Item) []Stamped {
	stamped := make([]Stamped, len(items))
	for lines := byOrganization(items); len(lines) > 0; {
		lines = s.stampNext(ctx, items, lines, stamped)
	}
	return stamped
}

// stampNext stamps the next part of each organization's items, all in one round trip,
// and returns what is left: a part must not overtake the one before.
func (s *Store) stampNext(ctx context.Context, items []Item, lines [][]int, stamped []Stamped) (left [][]int) {
	calls := make([]roundtrip.Call, len(lines))
	for i, line := range lines {
		calls[i] = s.stamping(items, line[:min(len(line), scriptJobs)])
	}
	for i, reply := range roundtrip.Run(ctx, s.rdb, calls) {
		part, rest := lines[i][:min(len(lines[i]), scriptJobs)], lines[i][min(len(lines[i]), scriptJobs):]
		over, err := reply.StringSlice()
		if err != nil {
			err, part, rest = fmt.Errorf("give %d jobs of %s their places: %w", len(lines[i]), items[part[0]].Organization, err), lines[i], nil
		}
		for _, n := range part {
			stamped[n] = Stamped{Over: slices.Contains(over, items[n].ID), Err: err}
		}
		if len(rest) > 0 {
			left = append(left, rest)
		}
	}
	return left
}

// byOrganization returns the places of the items of each organization.
func byOrganization(items []Item) [][]int {
	var lines [][]int
	at := map[sponsorship.ID]int{}
	for n, i := range items {
		line, known := at[i.Organization]
		if !known {
			line, at[i.Organization] = len(lines), len(lines)
			lines = append(lines, nil)
		}
		lines[line] = append(lines[line], n)
	}
	return lines
}

func (s *Store) stamping(items []Item, part []int) roundtrip.Call {
	org := items[part[0]].Organization
	keys := state.Keys(org, "")
	args := []any{Life.Milliseconds()}
	for _, n := range part {
		i := items[n]
		keys = append(keys, state.OrderKey(org, i.User), state.RecordKey(org, i.ID))
		sequence := ""
		if i.Sequence > 0 {
			sequence = strconv.FormatInt(i.Sequence, 10)
		}
		args = append(args, i.ID, string(i.User), string(i.Kind), i.Batch, i.Place, sequence, string(i.Origin))
	}
	return roundtrip.Call{Script: s.stamp, Keys: keys, Args: args}
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
