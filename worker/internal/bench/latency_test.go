package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// BenchmarkLatency takes the time from a change of status to a subscriber's
// callback, one change at a time: from the call of the script that commits the
// change, over outbox, a worker's relay and JetStream; and, in turns, from a bare
// publish of the same document to the same subscriber.
func BenchmarkLatency(b *testing.B) {
	s, server := newStore(b), jobstest.RealNATS(b)
	runWorker(b, settingsOf(b, s, server, (&echo{}).start(b)))
	js, err := events.Connect(events.Connection{URL: server.URL, Name: "bench"})
	jobstest.Must(b, err)
	b.Cleanup(js.Conn().Close)
	jobstest.Must(b, events.EnsureStream(b.Context(), js, events.Settings{}))
	heard := subscribe(b, js)
	jobstest.Must(b, s.ledger.Beat(b.Context())) // so that a first write is no conflict
	n := size(1000)
	for b.Loop() {
		var ours, bare []float64
		for i := range n {
			ours = append(ours, heard.after(b, func() string { return s.commit(b, i) }))
			bare = append(bare, heard.after(b, func() string { return publish(b, js, i) }))
		}
		b.ReportMetric(quantile(ours, 0.5), "ours-p50-ms")
		b.ReportMetric(quantile(ours, 0.99), "ours-p99-ms")
		b.ReportMetric(quantile(bare, 0.5), "bare-p50-ms")
		b.ReportMetric(quantile(bare, 0.99), "bare-p99-ms")
		silent(b)
	}
}

// commit stores a redeem with its event and returns the event's id.
func (s *store) commit(b *testing.B, i int) string {
	b.Helper()
	write := redeemedBy(b, s.ledger.None(organization(0), user(i)))
	accepted, err := s.ledger.Accept(b.Context(), uuid.NewString(), write)
	jobstest.Must(b, err)
	if accepted.Conflict {
		b.Fatalf("nothing was stored: the record is %+v", accepted.Current)
	}
	return write.Event.ID
}

// publish publishes such an event straight to JetStream and waits until it is
// stored, as a program without an outbox would.
func publish(b *testing.B, js jetstream.JetStream, i int) string {
	b.Helper()
	event := redeemedBy(b, sponsorship.Sponsorship{OrganizationID: organization(1), UserID: user(i)}).Event
	_, err := js.PublishMsg(b.Context(), &nats.Msg{Subject: event.Subject, Data: event.Payload}, jetstream.WithMsgID(event.ID))
	jobstest.Must(b, err)
	return event.ID
}

func redeemedBy(b *testing.B, none sponsorship.Sponsorship) ledger.Write {
	b.Helper()
	after, _, err := sponsorship.Decide(none, sponsorship.Redeem{Email: "home@example.com"}, sponsorship.Stamp{Now: now()})
	jobstest.Must(b, err)
	e, _, err := events.Announce(none, after)
	jobstest.Must(b, err)
	return ledger.Write{Before: none.Revision, After: after, Event: &events.Encoded{ID: e.ID, Subject: e.Subject, Key: e.Key, Payload: e.Payload}}
}

// listener passes on what the subscriber was called with, and when.
type listener chan heardEvent

type heardEvent struct {
	id string
	at time.Time
}

func subscribe(b *testing.B, js jetstream.JetStream) listener {
	b.Helper()
	l := make(listener, 1000)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- events.Subscribe(ctx, js, events.Options{Durable: "bench", MaxAckPending: 100},
			events.On(func(_ context.Context, e events.Event[events.Sponsorship]) error {
				l <- heardEvent{e.ID, time.Now()}
				return nil
			}))
	}()
	b.Cleanup(func() {
		cancel()
		jobstest.Must(b, <-ended)
	})
	return l
}

// after returns the milliseconds from before act until its event was heard.
func (l listener) after(b *testing.B, act func() string) float64 {
	b.Helper()
	began := time.Now()
	id := act()
	for {
		select {
		case e := <-l:
			if e.id == id {
				return float64(e.at.Sub(began)) / float64(time.Millisecond)
			}
		case <-time.After(deadline):
			b.Fatalf("event %s was not heard", id)
		}
	}
}
