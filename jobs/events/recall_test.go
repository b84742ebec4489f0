package events_test

import (
	"context"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestRecallShowsWhatThereIsAndEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, revisions(t, acme, user1, 600)...)
	b.publish(t, change(t, acme, user2, 1, sponsorship.Sent), change(t, bravo, user2, 1, sponsorship.Sent))
	for name, c := range map[string]struct {
		o    events.RecallOptions
		want int
		last uint64
	}{
		"of an organization": {events.RecallOptions{Organization: acme}, 601, 601},
		"of a member":        {events.RecallOptions{Organization: acme, User: user2}, 1, 601},
		"of the rest":        {events.RecallOptions{Organization: acme, After: 590}, 11, 601},
		"of nothing new":     {events.RecallOptions{Organization: acme, After: 602}, 0, 0},
		"of a stream anew":   {events.RecallOptions{Organization: acme, After: 9999}, 601, 601},
	} {
		var got []events.Record
		jobstest.Must(t, events.Recall(t.Context(), b.js, c.o, func(r events.Record) { got = append(got, r) }))
		jobstest.Equal(t, name, len(got), c.want)
		if c.want > 0 {
			jobstest.Equal(t, name, got[len(got)-1].Sequence, c.last)
		}
	}
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return b.state(t).Consumers == 0 })
}

// A page that shows the past must not wait for a server that is away.
func TestRecallDoesNotWait(t *testing.T) {
	t.Parallel()
	js := jobstest.Value(events.Connect(events.Connection{URL: "nats://127.0.0.1:1"}))(t)
	defer js.Conn().Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := events.Recall(ctx, js, events.RecallOptions{Organization: acme}, func(events.Record) { t.Error("shows something") }); err == nil {
		t.Error("a server that is away is an empty past")
	}
}
