package history

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	// Weeks is how many weeks a chart has: the 90 days that the stream keeps, and the
	// rest of the week that began them.
	Weeks = 13
	week  = 7 * 24 * time.Hour
	day   = 24 * time.Hour
)

// Week is what happened in seven days.
type Week struct {
	From, Until time.Time // the first day, and the last
	Offered     int       // reached Sent
	Accepted    int       // reached Active
	Withdrawn   int       // expires, or was removed without ever having been accepted
	Failures    []Failure // of syncs, by code
}

// Failure is how often the syncs began to fail for a reason.
type Failure struct {
	Code  fault.Code
	Times int
}

// Failed is the number of failures in the week.
func (w Week) Failed() (n int) {
	for _, f := range w.Failures {
		n += f.Times
	}
	return n
}

// tally is what one organization's events come to, day by day.
type tally struct {
	mu   sync.Mutex
	last uint64    // sequence of the last event that is counted
	read time.Time // when it was last looked for more
	days map[int64]*counts
}

type counts struct {
	offered, accepted, withdrawn int
	failed                       map[fault.Code]int
}

// fresh is how long a chart is shown before more is looked for.
const fresh = 5 * time.Second

// Chart returns the last weeks of an organization, the oldest first. What was counted
// once is not read again. A fact that was published twice more than ten minutes apart
// counts twice: the stream drops the others.
func (r *Reader) Chart(ctx context.Context, org sponsorship.ID) ([]Week, error) {
	r.mu.Lock()
	t := r.charts[org]
	if t == nil {
		t = &tally{days: map[int64]*counts{}}
		r.charts[org] = t
	}
	r.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	now := r.now().UTC()
	if now.Sub(t.read) >= fresh {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err := events.Recall(ctx, r.js, events.RecallOptions{Organization: org, After: t.last}, t.add)
		if err != nil {
			return nil, err
		}
		t.read = now
	}
	return t.weeks(now), nil
}

func (t *tally) add(r events.Record) {
	t.last = r.Sequence
	number := r.Event.Time.UTC().Unix() / int64(day.Seconds())
	c := t.days[number]
	if c == nil {
		c = &counts{failed: map[fault.Code]int{}}
		t.days[number] = c
	}
	switch {
	case strings.HasPrefix(r.Event.Type, "sponsorsync.sponsorship."):
		if e, err := events.Decode[events.Sponsorship](r.Payload); err == nil {
			c.transition(e.Data)
		}
	case r.Event.Type == "sponsorsync.sync.failed":
		if e, err := events.Decode[events.Sync](r.Payload); err == nil && e.Data.Error != nil {
			c.failed[e.Data.Error.Code]++
		}
	}
}

func (c *counts) transition(s events.Sponsorship) {
	switch {
	case s.From == s.To:
	case s.To == sponsorship.Sent:
		c.offered++
	case s.To == sponsorship.Redeemed:
		c.accepted++
	case s.To == sponsorship.Expiring, s.To == sponsorship.Removed && s.From != sponsorship.Expiring:
		c.withdrawn++
	}
}

// weeks adds the days up, backwards from today, and forgets what is older.
func (t *tally) weeks(now time.Time) []Week {
	today := now.Truncate(day)
	all := make([]Week, Weeks)
	failed := make([]map[fault.Code]int, Weeks)
	for i := range all {
		until := today.Add(-time.Duration(Weeks-1-i) * week)
		all[i], failed[i] = Week{From: until.Add(day - week), Until: until}, map[fault.Code]int{}
	}
	for number, c := range t.days {
		age := today.Sub(time.Unix(number*int64(day.Seconds()), 0)) / week
		i := Weeks - 1 - int(max(age, 0))
		if i < 0 {
			delete(t.days, number)
			continue
		}
		all[i].Offered += c.offered
		all[i].Accepted += c.accepted
		all[i].Withdrawn += c.withdrawn
		for code, n := range c.failed {
			failed[i][code] += n
		}
	}
	for i := range all {
		for _, code := range slices.Sorted(maps.Keys(failed[i])) {
			all[i].Failures = append(all[i].Failures, Failure{code, failed[i][code]})
		}
	}
	return all
}
