package events_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	acme  sponsorship.ID = "11111111-1111-4111-8111-111111111111"
	bravo sponsorship.ID = "22222222-2222-4222-8222-222222222222"
	user1 sponsorship.ID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1"
	user2 sponsorship.ID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type bundle struct {
	stack     *jobstest.Stack
	js        jetstream.JetStream
	publisher *events.Publisher
}

// setup gives each test a server of its own, with the stream.
func setup(t *testing.T) *bundle {
	t.Helper()
	stack, err := jobstest.Start(jobstest.Options{})
	jobstest.Must(t, err)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	js := connect(t, stack.NATSURL())
	jobstest.Must(t, events.EnsureStream(t.Context(), js, events.Settings{}))
	publisher := events.NewPublisher(js, events.Settings{})
	return &bundle{stack: stack, js: js, publisher: publisher}
}

func connect(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	js, err := events.Connect(events.Connection{URL: url, Name: t.Name()})
	jobstest.Must(t, err)
	t.Cleanup(js.Conn().Close)
	return js
}

func (b *bundle) publish(t *testing.T, batch ...events.Encoded) {
	t.Helper()
	for _, err := range b.publisher.Publish(t.Context(), batch) {
		jobstest.Must(t, err)
	}
}

func (b *bundle) state(t *testing.T) jetstream.StreamState {
	t.Helper()
	stream, err := b.js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	return stream.CachedInfo().State
}

// change encodes a transition of org's user to a status.
func change(t testing.TB, org, user sponsorship.ID, revision uint64, to sponsorship.Status) events.Encoded {
	t.Helper()
	e, err := events.NewSponsorship(events.Sponsorship{
		OrganizationID: org, OrganizationUserID: user, To: to, Revision: revision,
	}, noon)
	jobstest.Must(t, err)
	return e
}

func revisions(t testing.TB, org, user sponsorship.ID, n int) []events.Encoded {
	t.Helper()
	batch := make([]events.Encoded, n)
	for i := range batch {
		batch[i] = change(t, org, user, uint64(i+1), sponsorship.Sent)
	}
	return batch
}

// background runs fn until the test ends or stop is called, and fails on an error.
func background(t *testing.T, fn func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("background: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(jobstest.Timeout):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func name(e events.Event[events.Sponsorship]) string {
	return fmt.Sprintf("%s#%d", e.Data.OrganizationUserID[35:], e.Data.Revision)
}
