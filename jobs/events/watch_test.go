package events_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestWatchFromNowSkipsThePast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, revisions(t, acme, user1, 3)...)
	got := make(chan events.Record, 10)
	background(t, func(ctx context.Context) error {
		return events.Watch(ctx, b.js, events.WatchOptions{}, func(r events.Record) error { got <- r; return nil })
	})
	b.waitForReader(t)
	b.publish(t, change(t, acme, user2, 1, sponsorship.Sent))
	r := next(t, got)
	jobstest.Equal(t, "sequence", r.Sequence, 4)
	jobstest.Equal(t, "subject", r.Event.Subject, string(acme)+"/"+string(user2))
}

// waitForReader returns when a watcher has its consumer.
func (b *bundle) waitForReader(t *testing.T) {
	t.Helper()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return b.state(t).Consumers == 1 })
}

func TestWatchAfterASequenceShowsExactlyTheRest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, revisions(t, acme, user1, 300)...)
	got := watch(t, b.js, events.WatchOptions{After: 120}, 180)
	for i, r := range got {
		jobstest.Equal(t, "sequence", r.Sequence, uint64(121+i))
	}
}

func TestWatchFiltersAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, e := range documents(t) {
		b.publish(t, e)
	}
	b.publish(t, change(t, bravo, user1, 1, sponsorship.Redeemed))
	got := watch(t, b.js, events.WatchOptions{
		Filter: events.Filter{Organization: bravo}, Since: noon.AddDate(-1, 0, 0)}, 1)
	jobstest.Equal(t, "type", got[0].Event.Type, "sponsorsync.sponsorship.redeemed")
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return b.state(t).Consumers == 0 })
}

func TestWatchSkipsWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.js.Publish(t.Context(), "sponsorsync.stray", []byte("hello"))
	jobstest.Must(t, err)
	b.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
	troubles := make(chan error, 10)
	o := events.WatchOptions{Since: noon.AddDate(-1, 0, 0), Trouble: func(err error) { troubles <- err }}
	jobstest.Equal(t, "sequence", watch(t, b.js, o, 1)[0].Sequence, 2)
	next(t, troubles)
}

// A NATS user may publish for its own organization, say, and for no other.
func TestNobodySpeaksForAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	forged := change(t, acme, user1, 1, sponsorship.Removed)
	_ = jobstest.Value(b.js.Publish(t.Context(), "sponsorsync."+string(bravo)+".sync.failed", forged.Payload))(t)
	b.publish(t, change(t, acme, user1, 2, sponsorship.Sent))
	var troubles []string
	ctx, stop := context.WithCancel(t.Context())
	err := events.Watch(ctx, b.js, events.WatchOptions{Since: time.Unix(1, 0), Trouble: func(err error) { troubles = append(troubles, err.Error()) }},
		func(r events.Record) error {
			jobstest.Equal(t, "sequence", r.Sequence, uint64(2))
			stop()
			return nil
		})
	jobstest.Must(t, err)
	if len(troubles) != 1 || !strings.Contains(troubles[0], "came on the subject") {
		t.Errorf("troubles %q", troubles)
	}
}

func TestWatchReturnsWhatYieldReturns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
	gone := errors.New("reader went away")
	err := events.Watch(t.Context(), b.js, events.WatchOptions{Since: noon.AddDate(-1, 0, 0)}, func(events.Record) error { return gone })
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if err := events.Watch(t.Context(), b.js, events.WatchOptions{Filter: events.Filter{Status: "gone"}}, nil); err == nil {
		t.Error("a bad filter was accepted")
	}
}

func TestWatchGoesOnAfterARestartWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	server := jobstest.RealNATS(t)
	js := connect(t, server.URL)
	publisher := events.NewPublisher(js, events.Settings{})
	got, troubles := make(chan events.Record, 100), make(chan error, 100)
	background(t, func(ctx context.Context) error {
		o := events.WatchOptions{Trouble: func(err error) { troubles <- err }}
		return events.Watch(ctx, js, o, func(r events.Record) error { got <- r; return nil })
	})
	next(t, troubles) // there is no stream yet: all it will hold is news
	for i, e := range revisions(t, acme, user1, 6) {
		if i == 3 {
			server.Restart()
		}
		jobstest.Eventually(t, jobstest.Timeout, func() bool {
			return publisher.Publish(t.Context(), []events.Encoded{e})[0] == nil
		})
		jobstest.Equal(t, "sequence", next(t, got).Sequence, uint64(i+1))
	}
}

func TestFromPinsTheStart(t *testing.T) {
	t.Parallel()
	hourAgo, epoch := noon.Add(-time.Hour), time.Unix(0, 0)
	for _, c := range []struct {
		name        string
		given, want events.WatchOptions
		last        uint64
	}{
		{"now", events.WatchOptions{}, events.WatchOptions{After: 7}, 7},
		{"now, empty stream", events.WatchOptions{}, events.WatchOptions{Since: epoch}, 0},
		{"since", events.WatchOptions{Since: hourAgo}, events.WatchOptions{Since: hourAgo}, 7},
		{"after", events.WatchOptions{After: 3}, events.WatchOptions{After: 3}, 7},
		{"after wins", events.WatchOptions{After: 3, Since: hourAgo}, events.WatchOptions{After: 3, Since: hourAgo}, 7},
		{"stream made anew", events.WatchOptions{After: 9}, events.WatchOptions{Since: epoch}, 7},
	} {
		got := events.From(c.given, c.last)
		jobstest.Equal(t, c.name+": after", got.After, c.want.After)
		jobstest.Equal(t, c.name+": since", got.Since, c.want.Since)
	}
}
