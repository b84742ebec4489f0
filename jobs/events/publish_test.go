package events_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestPublishStoresTheDocumentUnderItsId(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := change(t, acme, user1, 1, sponsorship.Sent)
	b.publish(t, e)
	stream, err := b.js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	m, err := stream.GetMsg(t.Context(), 1)
	jobstest.Must(t, err)
	jobstest.Equal(t, "subject", m.Subject, e.Subject)
	jobstest.Equal(t, "message id", m.Header.Get("Nats-Msg-Id"), e.ID)
	jobstest.Equal(t, "content type", m.Header.Get("Content-Type"), "application/cloudevents+json")
	if !bytes.Equal(m.Data, e.Payload) {
		t.Errorf("payload %s, want %s", m.Data, e.Payload)
	}
}

func TestPublishTwiceStoresOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := revisions(t, acme, user1, 5)
	b.publish(t, batch...)
	b.publish(t, batch...)
	jobstest.Equal(t, "messages", b.state(t).Msgs, 5)
}

func TestPublishKeepsTheOrderOfAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var batch []events.Encoded
	for i := range 50 {
		batch = append(batch, change(t, acme, user1, uint64(i+1), sponsorship.Sent), change(t, acme, user2, uint64(i+1), sponsorship.Sent))
	}
	b.publish(t, batch...)
	last := map[sponsorship.ID]uint64{}
	got := watch(t, b.js, events.WatchOptions{Since: noon.AddDate(-1, 0, 0)}, len(batch))
	for _, r := range got {
		e, err := events.Decode[events.Sponsorship](r.Payload)
		jobstest.Must(t, err)
		if e.Data.Revision != last[e.Data.OrganizationUserID]+1 {
			t.Fatalf("%s came after revision %d", name(e), last[e.Data.OrganizationUserID])
		}
		last[e.Data.OrganizationUserID] = e.Data.Revision
	}
}

func TestPublishMakesAMissingStream(t *testing.T) {
	t.Parallel()
	for _, listener := range []bool{false, true} {
		b := setup(t)
		jobstest.Must(t, b.js.DeleteStream(t.Context(), events.StreamName))
		if listener { // turns the missing stream's error into silence
			sub, err := b.js.Conn().SubscribeSync("sponsorsync.>")
			jobstest.Must(t, err)
			defer func() { _ = sub.Unsubscribe() }()
		}
		b.publish(t, revisions(t, acme, user1, 2)...)
		jobstest.Equal(t, "messages", b.state(t).Msgs, 2)
	}
}

func TestPublishHoldsBackWhatFollowsAFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := revisions(t, acme, user1, 3)
	batch[1].Payload = make([]byte, b.js.Conn().MaxPayload()+1) // the server refuses it
	batch = append(batch, revisions(t, acme, user2, 3)...)
	results := b.publisher.Publish(t.Context(), batch)
	for i, stored := range []bool{true, false, false, true, true, true} {
		jobstest.Equal(t, batch[i].ID, results[i] == nil, stored)
	}
	if errors.Is(results[1], events.ErrHeldBack) || !errors.Is(results[2], events.ErrHeldBack) {
		t.Errorf("cause and consequence are not told apart: %v, %v", results[1], results[2])
	}
	jobstest.Equal(t, "messages", b.state(t).Msgs, 4)
}

func TestPublishFailsAtOnceWithoutServerAndWorksWhenItIsBack(t *testing.T) {
	t.Parallel()
	server := jobstest.RealNATS(t)
	js := connect(t, server.URL)
	publisher := events.NewPublisher(js, events.Settings{})
	batch := revisions(t, acme, user1, 3)
	for _, err := range publisher.Publish(t.Context(), batch[:1]) {
		jobstest.Must(t, err)
	}

	server.Kill()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return !js.Conn().IsConnected() })
	for _, err := range publisher.Publish(t.Context(), batch[1:2]) {
		if err == nil {
			t.Error("acknowledged by nobody")
		}
	}

	server.Restart()
	jobstest.Eventually(t, jobstest.Timeout, js.Conn().IsConnected)
	stream, err := js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	jobstest.Equal(t, "messages: a failed one came by itself, or one was lost", stream.CachedInfo().State.Msgs, 1)
	for _, err := range publisher.Publish(t.Context(), batch) {
		jobstest.Must(t, err)
	}
	info, err := stream.Info(t.Context())
	jobstest.Must(t, err)
	jobstest.Equal(t, "messages", info.State.Msgs, 3)
}

func TestPublishToAHungServerIsBoundedByItsContext(t *testing.T) {
	t.Parallel()
	server := jobstest.RealNATS(t)
	js := connect(t, server.URL)
	publisher := events.NewPublisher(js, events.Settings{})
	batch := revisions(t, acme, user1, 3)
	jobstest.Must(t, publisher.Publish(t.Context(), batch[:1])[0])

	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for _, err := range publisher.Publish(ctx, batch) {
		if err == nil {
			t.Error("acknowledged by a server that hangs")
		}
	}
	server.Resume() // what was on the way arrives now, and again
	for _, err := range publisher.Publish(t.Context(), batch) {
		jobstest.Must(t, err)
	}
	stream, err := js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	jobstest.Equal(t, "messages", stream.CachedInfo().State.Msgs, 3)
}

func TestConnectWaitsForAServerThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	server := jobstest.RealNATS(t)
	server.Kill()
	reconnected := make(chan string, 10)
	js, err := events.Connect(events.Connection{URL: server.URL, Reconnected: func(url string) { reconnected <- url }})
	jobstest.Must(t, err)
	t.Cleanup(js.Conn().Close)
	server.Restart()
	jobstest.Eventually(t, jobstest.Timeout, js.Conn().IsConnected)
	jobstest.Must(t, events.EnsureStream(t.Context(), js, events.Settings{}))
}

func TestConnectTellsOfDisconnects(t *testing.T) {
	t.Parallel()
	server := jobstest.RealNATS(t)
	gone, back := make(chan error, 10), make(chan string, 10)
	js, err := events.Connect(events.Connection{
		URL:          server.URL,
		Disconnected: func(err error) { gone <- err },
		Reconnected:  func(url string) { back <- url },
	})
	jobstest.Must(t, err)
	t.Cleanup(js.Conn().Close)
	server.Restart()
	next(t, gone)
	jobstest.Equal(t, "server", next(t, back), server.URL)
}

func TestConnectRefusesABadConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []events.Connection{{URL: "nats://[::1"}, {URL: "nats://127.0.0.1:1", CredsFile: "does-not-exist.creds"}} {
		js, err := events.Connect(c)
		if err == nil {
			js.Conn().Close()
			t.Errorf("%+v was accepted", c)
		}
	}
}

// watch collects n records.
func watch(t *testing.T, js jetstream.JetStream, o events.WatchOptions, n int) []events.Record {
	t.Helper()
	records := make(chan events.Record, n)
	enough := errors.New("enough")
	stop := background(t, func(ctx context.Context) error {
		err := events.Watch(ctx, js, o, func(r events.Record) error {
			if records <- r; len(records) == n {
				return enough
			}
			return nil
		})
		if errors.Is(err, enough) {
			return nil
		}
		return err
	})
	defer stop()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return len(records) == n })
	got := make([]events.Record, n)
	for i := range got {
		got[i] = next(t, records)
	}
	return got
}

func TestDeliverTellsADuplicate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := change(t, acme, user1, 1, sponsorship.Sent)
	for _, before := range []bool{false, true} {
		d := b.publisher.Deliver(t.Context(), []events.Encoded{e})[0]
		jobstest.Must(t, d.Err)
		jobstest.Equal(t, "duplicate", d.Duplicate, before)
	}
}
