package events_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

type sponsorshipEvent = events.Event[events.Sponsorship]

// subscribe delivers to a channel until the returned function is called.
func subscribe(t *testing.T, js jetstream.JetStream, o events.Options) (<-chan sponsorshipEvent, func()) {
	t.Helper()
	got := make(chan sponsorshipEvent, 1000)
	stop := background(t, func(ctx context.Context) error {
		return events.Subscribe(ctx, js, o, events.On(func(_ context.Context, e sponsorshipEvent) error {
			got <- e
			return nil
		}))
	})
	return got, stop
}

func TestSubscribeHandsOverEachKindToItsHandler(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, e := range documents(t) {
		b.publish(t, e)
	}
	var sponsorships, syncs, licenses atomic.Int32
	background(t, func(ctx context.Context) error {
		return events.Subscribe(ctx, b.js, events.Options{Durable: "all"},
			events.On(func(context.Context, sponsorshipEvent) error { sponsorships.Add(1); return nil }),
			events.On(func(context.Context, events.Event[events.Sync]) error { syncs.Add(1); return nil }),
			events.On(func(context.Context, events.Event[events.License]) error { licenses.Add(1); return nil }))
	})
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		return sponsorships.Load() == 3 && syncs.Load() == 2 && licenses.Load() == 2
	})
}

func TestSubscribeGoesOnWhereTheNameWas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, revisions(t, acme, user1, 2)...)
	got, stop := subscribe(t, b.js, events.Options{Durable: "crm"})
	next(t, got)
	next(t, got)
	stop()
	b.publish(t, change(t, acme, user1, 3, sponsorship.Redeemed))
	got, _ = subscribe(t, b.js, events.Options{Durable: "crm", Since: noon, MaxAckPending: 7}) // new options are no obstacle
	jobstest.Equal(t, "first after the restart", name(next(t, got)), "1#3")
	fresh, _ := subscribe(t, b.js, events.Options{Durable: "other"})
	jobstest.Equal(t, "first of another name", name(next(t, fresh)), "1#1")
}

func TestSubscribeSinceSkipsWhatIsOlder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
	stream, err := b.js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	m, err := stream.GetMsg(t.Context(), 1)
	jobstest.Must(t, err)
	b.publish(t, change(t, acme, user1, 2, sponsorship.Sent))
	got, _ := subscribe(t, b.js, events.Options{Durable: "crm", Since: m.Time.Add(time.Nanosecond)})
	jobstest.Equal(t, "first", name(next(t, got)), "1#2")
}

func TestSubscribeFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, change(t, acme, user1, 1, sponsorship.Sent), change(t, bravo, user1, 2, sponsorship.Redeemed),
		change(t, acme, user1, 3, sponsorship.Redeemed))
	filter := events.Filter{Organization: acme, Status: sponsorship.Redeemed}
	got, _ := subscribe(t, b.js, events.Options{Durable: "crm", Filter: filter})
	jobstest.Equal(t, "first", name(next(t, got)), "1#3")
}

func TestSubscribeKeepsTheOrderWhenAHandlerFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, revisions(t, acme, user1, 3)...)
	var seen []string
	done, troubles := make(chan struct{}), make(chan error, 10)
	background(t, func(ctx context.Context) error {
		o := events.Options{Durable: "crm", Trouble: func(err error) { troubles <- err }}
		return events.Subscribe(ctx, b.js, o, events.On(func(_ context.Context, e sponsorshipEvent) error {
			seen = append(seen, name(e))
			if len(seen) == 1 {
				return errors.New("database is away")
			}
			if e.Data.Revision == 3 {
				close(done)
			}
			return nil
		}))
	})
	next(t, done)
	jobstest.Equal(t, "order", strings.Join(seen, " "), "1#1 1#1 1#2 1#3")
	if err := next(t, troubles); !strings.Contains(err.Error(), "database is away") {
		t.Errorf("trouble is %v", err)
	}
}

func TestSubscribeDropsWhatCannotBeHandled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := change(t, acme, user1, 1, sponsorship.Sent)
	broken.Payload = []byte("no document")
	b.publish(t, broken, change(t, acme, user1, 2, sponsorship.Refused), change(t, acme, user1, 3, sponsorship.Sent))
	advisories, err := b.js.Conn().SubscribeSync("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED." + events.StreamName + ".crm")
	jobstest.Must(t, err)
	got := make(chan sponsorshipEvent, 10)
	background(t, func(ctx context.Context) error {
		return events.Subscribe(ctx, b.js, events.Options{Durable: "crm"}, events.On(func(_ context.Context, e sponsorshipEvent) error {
			if e.Data.To == sponsorship.Refused {
				return fmt.Errorf("update record: %w", events.Permanent(errors.New("unknown member")))
			}
			got <- e
			return nil
		}))
	})
	jobstest.Equal(t, "the one that can", name(next(t, got)), "1#3")
	for _, reason := range []string{"decode event", "unknown member"} {
		m, err := advisories.NextMsg(jobstest.Timeout)
		jobstest.Must(t, err)
		if !strings.Contains(string(m.Data), reason) {
			t.Errorf("advisory %s does not say %q", m.Data, reason)
		}
	}
}

func TestSubscribersOfOneNameShareTheWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := events.Options{Durable: "crm", MaxAckPending: 100}
	first, _ := subscribe(t, b.js, o)
	second, _ := subscribe(t, b.js, o)
	b.publish(t, revisions(t, acme, user1, 100)...)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return len(first)+len(second) >= 100 })
	jobstest.Equal(t, "deliveries", len(first)+len(second), 100)
}

func TestSubscribeGivesAnInterruptedEventBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
	started := make(chan struct{})
	stop := background(t, func(ctx context.Context) error {
		return events.Subscribe(ctx, b.js, events.Options{Durable: "crm"}, events.On(func(ctx context.Context, _ sponsorshipEvent) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		}))
	})
	next(t, started)
	stop()
	info, err := b.js.Consumer(t.Context(), events.StreamName, "crm")
	jobstest.Must(t, err)
	got, _ := subscribe(t, b.js, events.Options{Durable: "crm"})
	select {
	case e := <-got:
		jobstest.Equal(t, "event", name(e), "1#1")
	case <-time.After(info.CachedInfo().Config.AckWait / 2):
		t.Fatal("the event waits for its acknowledgement to time out")
	}
}

func TestSubscribeWaitsForTheStreamAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	server := jobstest.RealNATS(t)
	js := connect(t, server.URL)
	troubles := make(chan error, 100)
	got, _ := subscribe(t, js, events.Options{
		Durable:       "crm",
		MaxAckPending: 10, // or the forgotten acknowledgement would be waited for
		Trouble:       func(err error) { troubles <- err },
	})
	if err := next(t, troubles); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("trouble is %v", err)
	}
	publisher := events.NewPublisher(js, events.Settings{}) // makes the stream
	publish := func(revision uint64) {
		e := change(t, acme, user1, revision, sponsorship.Sent)
		jobstest.Eventually(t, jobstest.Timeout, func() bool {
			return publisher.Publish(t.Context(), []events.Encoded{e})[0] == nil
		})
		for next(t, got).Data.Revision != revision { // a killed server may forget an acknowledgement
		}
	}
	publish(1)
	server.Restart()
	publish(2)
}

func TestSubscribeRefusesOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	onSync := events.On(func(context.Context, events.Event[events.Sync]) error { return nil })
	for name, c := range map[string]struct {
		options  events.Options
		handlers []events.Handler
	}{
		"no name":         {events.Options{}, []events.Handler{onSync}},
		"dotted name":     {events.Options{Durable: "crm.v2"}, []events.Handler{onSync}},
		"no handler":      {events.Options{Durable: "crm"}, nil},
		"empty handler":   {events.Options{Durable: "crm"}, []events.Handler{{}}},
		"a kind twice":    {events.Options{Durable: "crm"}, []events.Handler{onSync, onSync}},
		"no organization": {events.Options{Durable: "crm", Filter: events.Filter{Organization: "acme"}}, []events.Handler{onSync}},
		"no status":       {events.Options{Durable: "crm", Filter: events.Filter{Status: "gone"}}, []events.Handler{onSync}},
		"nothing to read": {events.Options{Durable: "crm", Filter: events.Filter{Status: sponsorship.Sent}}, []events.Handler{onSync}},
	} {
		if err := events.Subscribe(t.Context(), b.js, c.options, c.handlers...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSubscribeEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.js.Conn().Close()
	onSync := events.On(func(context.Context, events.Event[events.Sync]) error { return nil })
	if err := events.Subscribe(t.Context(), b.js, events.Options{Durable: "crm"}, onSync); err == nil {
		t.Error("no error")
	}
}

func TestPauseGrowsToItsLimit(t *testing.T) {
	t.Parallel()
	for delivered, want := range map[uint64]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second,
		10: 5 * time.Minute, 1 << 40: 5 * time.Minute,
	} {
		jobstest.Equal(t, fmt.Sprintf("pause after delivery %d", delivered), events.Pause(delivered), want)
	}
}
