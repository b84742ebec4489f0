package events_test

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// The permissions that NATS.md names, as a server reads them.
//
//go:embed testdata/users.conf
var usersConf string

//go:embed NATS.md
var usersPage string

// fence is a real server with one user who may do everything and one who is fenced
// to acme, as our own programs connect.
type fence struct {
	owner, worker, producer, tenant jetstream.JetStream

	publisher *events.Publisher // as the worker
	refused   chan error        // what the server says on the side, to anybody
}

func setupFence(t *testing.T) fence {
	t.Helper()
	server := jobstest.ConfiguredNATS(t, strings.ReplaceAll(usersConf, "ORG", string(acme)))
	refused := make(chan error, 100)
	open := func(user, inbox string) jetstream.JetStream {
		js := jobstest.Value(events.Connect(events.Connection{
			URL: "nats://" + user + ":secret@" + server.URL, Name: user, InboxPrefix: inbox, Failed: func(err error) { refused <- err },
		}))(t)
		t.Cleanup(js.Conn().Close)
		jobstest.Eventually(t, jobstest.Timeout, js.Conn().IsConnected)
		return js
	}
	f := fence{
		owner: open("owner", ""), worker: open("worker", ""), producer: open("producer", ""), tenant: open("tenant", "_INBOX_tenant"),
		refused: refused,
	}
	f.publisher = events.NewPublisher(f.worker, events.Settings{})
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return f.publisher.EnsureStream(t.Context()) == nil })
	return f
}

func (f fence) publish(t *testing.T, batch ...events.Encoded) {
	t.Helper()
	for _, err := range f.publisher.Publish(t.Context(), batch) {
		jobstest.Must(t, err)
	}
}

// Both of our readers work for a NATS user who may see one organization, and show
// that organization's events only.
func TestAFencedUserReadsItsOwnOrganization(t *testing.T) {
	t.Parallel()
	f := setupFence(t)
	f.publish(t, change(t, bravo, user1, 1, sponsorship.Sent), change(t, acme, user1, 1, sponsorship.Sent))
	refuse := func(err error) { t.Errorf("trouble: %v", err) }
	watched := make(chan events.Record, 10)
	watch := func() (stop func()) {
		o := events.WatchOptions{Filter: events.Filter{Organization: acme}, Since: noon.AddDate(-1, 0, 0), Consumer: "acme-watch", Trouble: refuse}
		return background(t, func(ctx context.Context) error {
			return events.Watch(ctx, f.tenant, o, func(r events.Record) error { watched <- r; return nil })
		})
	}
	stop := watch()
	jobstest.Equal(t, "watched", next(t, watched).Event.Subject, string(acme)+"/"+string(user1))
	stop()
	watch() // again, under the name that the first one left
	jobstest.Equal(t, "watched again", next(t, watched).Sequence, 2)

	subscribed := make(chan string, 10)
	background(t, func(ctx context.Context) error {
		o := events.Options{Durable: "acme-crm", Filter: events.Filter{Organization: acme}, Trouble: refuse}
		return events.Subscribe(ctx, f.tenant, o,
			events.On(func(_ context.Context, e sponsorshipEvent) error {
				subscribed <- string(e.Data.OrganizationID)
				return nil
			}),
			events.On(func(context.Context, events.Event[events.Sync]) error { return errors.New("no sync was published") }))
	})
	jobstest.Equal(t, "subscribed", next(t, subscribed), string(acme))
	license := jobstest.Value(events.NewLicense(events.License{OrganizationID: acme, Version: new(16)}, "1", noon))(t) // no handler for it
	f.publish(t, license, change(t, bravo, user1, 2, sponsorship.Redeemed), change(t, acme, user1, 2, sponsorship.Redeemed))
	jobstest.Equal(t, "subscribed", next(t, subscribed), string(acme))
	jobstest.Equal(t, "live, the license", next(t, watched).Sequence, 3)
	jobstest.Equal(t, "live", next(t, watched).Sequence, 5)
}

// What the fence must not let through: another organization's events, by any of the
// ways that JetStream has, and what others are answered.
func TestAFencedUserSeesNothingElse(t *testing.T) {
	t.Parallel()
	f := setupFence(t)
	f.publish(t, change(t, bravo, user1, 1, sponsorship.Sent))
	_ = jobstest.Value(f.owner.CreateConsumer(t.Context(), events.StreamName, jetstream.ConsumerConfig{Durable: "bravo-crm"}))(t)
	nc := f.tenant.Conn()
	denied := func(subject string) {
		t.Helper()
		if err := next(t, f.refused); !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+subject+`"`) {
			t.Errorf("%s: the server says %v", subject, err)
		}
	}
	for _, subject := range []string{"_INBOX.>", "sponsorsync.>", "sponsorsync." + string(bravo) + ".>", "$JS.>", ">"} {
		_ = jobstest.Value(nc.SubscribeSync(subject))(t)
		denied(subject)
	}
	const create = "$JS.API.CONSUMER.CREATE.SPONSORSYNC.acme-watch"
	for subject, body := range map[string]string{
		create: `{"stream_name":"SPONSORSYNC","config":{"name":"acme-watch"}}`,
		create + ".sponsorsync." + string(bravo) + ".>":   `{"stream_name":"SPONSORSYNC","config":{"name":"acme-watch","filter_subject":"sponsorsync.` + string(bravo) + `.>"}}`,
		"$JS.API.CONSUMER.CREATE.SPONSORSYNC":             `{"stream_name":"SPONSORSYNC","config":{}}`,
		"$JS.API.CONSUMER.MSG.NEXT.SPONSORSYNC.bravo-crm": `{"batch":1,"no_wait":true}`,
		"$JS.API.CONSUMER.INFO.SPONSORSYNC.bravo-crm":     ``,
		"$JS.API.CONSUMER.DELETE.SPONSORSYNC.bravo-crm":   ``,
		"$JS.API.CONSUMER.NAMES.SPONSORSYNC":              ``,
		"$JS.API.STREAM.MSG.GET.SPONSORSYNC":              `{"seq":1}`,
		"$JS.API.DIRECT.GET.SPONSORSYNC":                  `{"seq":1}`,
		"$JS.API.STREAM.INFO.SPONSORSYNC":                 `{"subjects_filter":">"}`,
		"$JS.API.STREAM.DELETE.SPONSORSYNC":               ``,
		"sponsorsync." + string(acme) + ".sync.failed":    `{}`,
	} {
		jobstest.Must(t, nc.PublishRequest(subject, "_INBOX_tenant.answer", []byte(body)))
		denied(subject)
	}
	// A filter in the subject that the body does not keep to is refused by the server.
	lie := []byte(`{"stream_name":"SPONSORSYNC","config":{"name":"acme-watch","filter_subject":"sponsorsync.>"}}`)
	reply := jobstest.Value(nc.Request(create+".sponsorsync."+string(acme)+".>", lie, jobstest.Timeout))(t)
	if !strings.Contains(string(reply.Data), `"error"`) {
		t.Errorf("a wider filter than allowed: %s", reply.Data)
	}
}

// Worker and producer need no more than the page says.
func TestLeastRightsOfOurPrograms(t *testing.T) {
	t.Parallel()
	f := setupFence(t)
	_ = jobstest.Value(f.worker.AccountInfo(t.Context()))(t) // doctor
	f.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
	stream := jobstest.Value(f.producer.Stream(t.Context(), events.StreamName))(t)
	last := jobstest.Value(stream.GetLastMsgForSubject(t.Context(), "sponsorsync."+string(acme)+".>"))(t)
	jobstest.Equal(t, "last", last.Sequence, 1)
	jobstest.Equal(t, "watched", watch(t, f.producer, events.WatchOptions{Since: noon.AddDate(-1, 0, 0)}, 1)[0].Sequence, 1)
	jobstest.Must(t, f.publisher.EnsureStream(t.Context()))
	jobstest.Equal(t, "refused", len(f.refused), 0)
	raised := events.NewPublisher(f.worker, events.Settings{MaxBytes: 2 << 30})
	jobstest.Must(t, raised.EnsureStream(t.Context()))
}

// Each right that the server is given stands on the page.
func TestThePageNamesEveryRight(t *testing.T) {
	t.Parallel()
	page := strings.ReplaceAll(usersPage, "`...", "`$JS.API.CONSUMER.")
	for i, right := range strings.Split(usersConf, `"`) {
		if i%2 == 1 && !strings.Contains(page, right) {
			t.Errorf("NATS.md does not name %s", right)
		}
	}
}
