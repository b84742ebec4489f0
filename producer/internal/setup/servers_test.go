package setup_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// natsFrom runs a server with the file that init wrote, and connects as one of its users.
func natsFrom(t *testing.T, dir string) (as func(user string) jetstream.JetStream) {
	t.Helper()
	options := jobstest.Value(server.ProcessConfigFile(filepath.Join(dir, "run", "nats", "nats.conf")))(t)
	options.Port, options.HTTPPort, options.StoreDir, options.NoSigs = server.RANDOM_PORT, 0, t.TempDir(), true
	options.Host = "127.0.0.1"
	s := jobstest.Value(server.NewServer(options))(t)
	go s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(jobstest.Timeout) {
		t.Fatal("the NATS server did not start")
	}
	return func(user string) jetstream.JetStream {
		t.Helper()
		password := strings.TrimSpace(content(t, dir, "secrets", "nats_"+user))
		nc := jobstest.Value(nats.Connect(s.ClientURL(), nats.UserInfo(user, password)))(t)
		t.Cleanup(nc.Close)
		return jobstest.Value(jetstream.New(nc))(t)
	}
}

func forbidden(t *testing.T, who string, err error) {
	t.Helper()
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrPermissionViolation) && !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("%s: got %v, want it forbidden", who, err)
	}
}

func TestEveryUserOfNATSMayDoItsWorkAndNoMore(t *testing.T) {
	t.Parallel()
	as := natsFrom(t, laidOut(t, serverEnvironment(t)))
	worker, producer, subscriber := as("worker"), as("producer"), as("subscriber")
	jobstest.Must(t, events.EnsureStream(t.Context(), worker, events.Settings{}))
	jobstest.Must(t, events.EnsureStream(t.Context(), worker, events.Settings{MaxBytes: 2 << 30})) // an update
	event := jobstest.Value(events.NewSponsorship(events.Sponsorship{
		OrganizationID: "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f", OrganizationUserID: "0b0b0b0b-ab5d-4bb3-9b7a-000000000001",
		From: sponsorship.Pending, To: sponsorship.Sent, Revision: 2,
	}, time.Unix(1, 0)))(t)
	jobstest.Must(t, errors.Join(events.NewPublisher(worker, events.Settings{}).Publish(t.Context(), []events.Encoded{event})...))

	ctx, done := context.WithTimeout(t.Context(), jobstest.Timeout)
	defer done()
	seen, missed := errors.New("seen"), func(err error) { t.Errorf("a reader says %v", err) }
	err := events.Watch(ctx, producer, events.WatchOptions{Since: time.Unix(1, 0), Trouble: missed}, func(events.Record) error { return seen })
	if !errors.Is(err, seen) {
		t.Errorf("the producer watches: %v", err)
	}
	handled := false
	err = events.Subscribe(ctx, subscriber, events.Options{Durable: "crm", Filter: events.Filter{Status: sponsorship.Sent}, Trouble: missed},
		events.On(func(context.Context, events.Event[events.Sponsorship]) error { handled = true; done(); return nil }))
	if err != nil || !handled {
		t.Errorf("the subscriber reads: %v, %v", handled, err)
	}

	short := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	for name, js := range map[string]jetstream.JetStream{"producer": producer, "subscriber": subscriber} {
		_, err := js.Publish(short(), "sponsorsync.o.sponsorship.u.removed", []byte("{}"))
		forbidden(t, name+" publishes", err)
		forbidden(t, name+" deletes the stream", js.DeleteStream(short(), events.StreamName))
	}
	_, err = worker.CreateStream(short(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other"}})
	forbidden(t, "the worker makes another stream", err)
	forbidden(t, "the worker deletes the stream", worker.DeleteStream(short(), events.StreamName))
}

func TestRedisTakesItsFile(t *testing.T) {
	t.Parallel()
	text := content(t, laidOut(t, serverEnvironment(t)), "run", "redis", "redis.conf")
	for _, want := range []string{"appendonly yes\n", "maxmemory-policy noeviction\n", "requirepass "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in redis.conf", want)
		}
	}
	if strings.Contains(text, "{{") || strings.Contains(text, "no value") {
		t.Error(text)
	}
}
