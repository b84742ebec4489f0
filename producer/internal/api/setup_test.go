package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
	"github.com/sponsorsync/sponsorsync/producer/internal/api"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	apiToken  = "a-token-of-the-tests"
	readToken = "eyes-only"
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	retired   = "whsec_c2VjcmV0LXRoYXQtaXMtYmVpbmctcm90YXRlZA=="

	acme  sponsorship.ID = "11111111-1111-4111-8111-111111111111"
	bravo sponsorship.ID = "22222222-2222-4222-8222-222222222222"
	user1 sponsorship.ID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1"
	user2 sponsorship.ID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2"

	syncJob = `{"kind":"sync","args":{"organizationId":"11111111-1111-4111-8111-111111111111"}}`
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type bundle struct {
	stack     *jobstest.Stack
	redis     redis.UniversalClient
	ledger    *state.Ledger
	access    *access.Access
	js        jetstream.JetStream
	publisher *events.Publisher
	registry  *prometheus.Registry
	log       *lockedBuffer
	api       *api.API
	hub       *api.Hub
	handler   http.Handler
	url       string
	stopHub   func()
}

// setup runs the API on servers of its own.
func setup(t *testing.T) *bundle {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	return setupOn(t, stack, stack.RedisURL())
}

// setupOn takes a Redis of the caller's choice.
func setupOn(t *testing.T, stack *jobstest.Stack, redisURL string) *bundle {
	t.Helper()
	rdb := jobstest.Value(enqueue.NewRedis(redisURL))(t)
	api.Bound(rdb)
	t.Cleanup(func() { jobstest.Must(t, rdb.Close()) })
	js := jobstest.Value(events.Connect(events.Connection{URL: stack.NATSURL()}))(t)
	t.Cleanup(js.Conn().Close)
	jobstest.Must(t, events.EnsureStream(t.Context(), js, events.Settings{}))
	log, registry := &lockedBuffer{}, prometheus.NewRegistry()
	b := &bundle{
		stack: stack, redis: rdb, js: js, log: log,
		ledger:    state.New(rdb, jobstest.Value(state.NewSealer(bytes.Repeat([]byte("k"), 32)))(t)),
		access:    jobstest.Value(access.New(access.Params{Token: apiToken, ReadToken: readToken, HookSecrets: []string{secret, retired}, Redis: rdb, Registry: registry, Now: time.Now}))(t),
		publisher: events.NewPublisher(js, events.Settings{}),
		registry:  registry,
	}
	b.serve(t)
	return b
}

func (b *bundle) serve(t *testing.T) {
	t.Helper()
	hub := api.NewHub(b.js, zerolog.New(b.log))
	b.hub = hub
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { hub.Run(ctx) })
	b.stopHub = func() { cancel(); running.Wait() }
	t.Cleanup(b.stopHub)
	b.api = jobstest.Value(api.New(api.Params{
		Redis: b.redis, Ledger: b.ledger, Jobs: enqueue.New(b.redis, enqueue.Options{Admit: b.ledger.Admit}), JetStream: b.js, Hub: hub,
		Access: b.access, Registry: b.registry, Log: zerolog.New(b.log), Now: time.Now,
	}))(t)
	mux := http.NewServeMux()
	b.api.Register(mux)
	b.handler = b.api.Wrap(mux, nil)
	server := httptest.NewServer(b.handler)
	t.Cleanup(server.Close)
	t.Cleanup(cancel) // first: it ends the open event streams
	b.url = server.URL
}

// call is a request; the zero value of a field is left out.
type call struct {
	method, path, body string
	header             map[string]string
	anonymous          bool // no bearer token
}

// answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and holds the answer against the OpenAPI document.
func (b *bundle) do(t *testing.T, c call) answer {
	t.Helper()
	request, a := b.send(t, c)
	conforms(t, request, a)
	return a
}

func (b *bundle) send(t *testing.T, c call) (*http.Request, answer) {
	t.Helper()
	request := jobstest.Value(http.NewRequestWithContext(t.Context(), c.method, b.url+c.path, strings.NewReader(c.body)))(t)
	if !c.anonymous {
		request.Header.Set("Authorization", "Bearer "+apiToken)
	}
	for name, text := range c.header {
		request.Header.Set(name, text)
	}
	response := jobstest.Value(http.DefaultTransport.RoundTrip(request))(t)
	defer func() { _ = response.Body.Close() }()
	return request, answer{response.StatusCode, response.Header, jobstest.Value(io.ReadAll(response.Body))(t)}
}

func (b *bundle) get(t *testing.T, path string) answer {
	t.Helper()
	return b.do(t, call{method: "GET", path: path})
}

func (b *bundle) post(t *testing.T, body string, header map[string]string) answer {
	t.Helper()
	return b.do(t, call{method: "POST", path: "/v1/jobs", body: body, header: header})
}

func read[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("read %s: %v", a.body, err)
	}
	return v
}

func (a answer) problem(t *testing.T) view.Problem {
	t.Helper()
	jobstest.Equal(t, "content type", a.header.Get("Content-Type"), "application/problem+json")
	return read[view.Problem](t, a)
}

// jobCount is how many jobs there are, in whatever state.
func (b *bundle) jobCount(t *testing.T) int64 {
	t.Helper()
	n := int64(0)
	for _, d := range jobstest.Value(enqueue.Depths(t.Context(), b.redis))(t) {
		n += d.Pending + d.Active + d.Scheduled + d.Retry + d.Archived + d.Complete
	}
	return n
}

// redeemed puts sponsorships into the ledger, one per user.
func (b *bundle) redeemed(t *testing.T, org sponsorship.ID, users ...sponsorship.ID) {
	t.Helper()
	for _, user := range users {
		s, _, err := sponsorship.Decide(sponsorship.Sponsorship{OrganizationID: org, UserID: user},
			sponsorship.Redeem{Email: "family@example.com"}, sponsorship.Stamp{Now: noon, JobID: "job"})
		jobstest.Must(t, err)
		jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.Put(t.Context(), s))
	}
}

func (b *bundle) publish(t *testing.T, org, user sponsorship.ID, revision uint64) {
	t.Helper()
	e := jobstest.Value(events.NewSponsorship(events.Sponsorship{
		OrganizationID: org, OrganizationUserID: user, To: sponsorship.Sent, Revision: revision}, noon))(t)
	jobstest.Must(t, b.publisher.Publish(t.Context(), []events.Encoded{e})[0])
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
