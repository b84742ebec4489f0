package console_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/console"
	"github.com/sponsorsync/sponsorsync/producer/internal/history"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	apiToken  = "a-token-of-the-tests"
	readToken = "eyes-only"

	acme  sponsorship.ID = "11111111-1111-4111-8111-111111111111"
	bravo sponsorship.ID = "22222222-2222-4222-8222-222222222222"
	user1 sponsorship.ID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1"
	user2 sponsorship.ID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type bundle struct {
	redis  redis.UniversalClient
	ledger *state.Ledger
	access *access.Access
	mux    *http.ServeMux
	js     jetstream.JetStream
	log    *bytes.Buffer
	report health.Report

	console *console.Console
}

func setup(t *testing.T) *bundle {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	return setupOn(t, stack.RedisURL(), stack.NATSURL())
}

func setupOn(t *testing.T, redisURL, natsURL string) *bundle {
	t.Helper()
	rdb := jobstest.Value(enqueue.NewRedis(redisURL))(t)
	t.Cleanup(func() { jobstest.Must(t, rdb.Close()) })
	js := jobstest.Value(events.Connect(events.Connection{URL: natsURL}))(t)
	t.Cleanup(js.Conn().Close)
	b := &bundle{
		redis: rdb, js: js, log: &bytes.Buffer{}, report: health.Judge(health.Facts{At: noon}),
		ledger: state.New(rdb, jobstest.Value(state.NewSealer(bytes.Repeat([]byte("k"), 32)))(t)),
		access: jobstest.Value(access.New(access.Params{Token: apiToken, ReadToken: readToken, Redis: rdb, Now: time.Now}))(t),
		mux:    http.NewServeMux(),
	}
	b.console = jobstest.Value(console.New(console.Params{
		Ledger: b.ledger, Jobs: enqueue.New(rdb, enqueue.Options{}), Access: b.access,
		Position: func() (uint64, bool) { return 42, true }, Log: zerolog.New(b.log),
		History: history.New(js, func() time.Time { return noon }), Health: func(context.Context) health.Report { return b.report },
		Now: func() time.Time { return noon.Add(3 * time.Hour) },
		Names: func(_ context.Context, org sponsorship.ID) bridge.Names {
			return bridge.Names{Organization: "Acme <Ltd>", Members: map[sponsorship.ID]vault.Person{user1: {Name: "Mia", Email: "mia@acme.example"}}}
		},
	}))(t)
	b.console.Register(b.mux)
	return b
}

// call is a request of a browser; a form makes it a POST.
type call struct {
	path    string
	form    url.Values
	signed  bool
	headers map[string]string
}

func (b *bundle) do(t *testing.T, c call) *http.Response {
	t.Helper()
	method, body := http.MethodGet, ""
	if c.form != nil {
		method, body = http.MethodPost, c.form.Encode()
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "http://console.example"+c.path, strings.NewReader(body))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if c.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.signed {
		cookie := jobstest.Value(b.access.SignIn(r, apiToken))(t)
		r.AddCookie(cookie)
	}
	for name, text := range c.headers {
		r.Header.Set(name, text)
	}
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	return w.Result()
}

// page returns a signed-in page as text, with its status.
func (b *bundle) page(t *testing.T, path string) (string, int) {
	t.Helper()
	response := b.do(t, call{path: path, signed: true})
	return text(t, response), response.StatusCode
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	return string(jobstest.Value(io.ReadAll(r.Body))(t))
}

// connected saves a connection and puts sponsorships in.
func (b *bundle) connected(t *testing.T, org sponsorship.ID, all ...sponsorship.Sponsorship) {
	t.Helper()
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, state.Connection{CloudOrganizationID: bravo, BillingSyncToken: "the-secret-token"}))
	for _, s := range all {
		s.OrganizationID, s.Revision, s.UpdatedAt = org, 1, noon
		jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.Put(t.Context(), s))
	}
}

// synced ends a full sync, well or with a fault.
func (b *bundle) synced(t *testing.T, org sponsorship.ID, f *jobstest.Failure) {
	t.Helper()
	seed := jobstest.Ledger{Redis: b.redis}
	jobstest.Must(t, seed.Start(t.Context(), org))
	if f != nil {
		f.At = noon
		jobstest.Must(t, seed.Fail(t.Context(), org, *f))
		return
	}
	jobstest.Must(t, seed.Sync(t.Context(), org, noon, noon.Add(24*time.Hour)))
}

func (b *bundle) jobCount(t *testing.T) int64 {
	t.Helper()
	n := int64(0)
	for _, d := range jobstest.Value(enqueue.Depths(t.Context(), b.redis))(t) {
		n += d.Pending
	}
	return n
}

func requireText(t *testing.T, page string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}
