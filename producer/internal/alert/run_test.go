package alert

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receiver is whoever is told. It checks each signature.
type receiver struct {
	t      *testing.T
	url    string
	status atomic.Int64
	got    []envelope
	ids    []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t}
	r.status.Store(http.StatusNoContent)
	verifier := jobstest.Value(standardwebhooks.NewWebhook(hookSecret))(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		if err := verifier.Verify(body, request.Header); err != nil {
			t.Errorf("signature: %v", err)
		}
		var e envelope
		if err := json.Unmarshal(body, &e); err != nil || e.Type != "sponsorsync.alert" {
			t.Errorf("got %s: %v", body, err)
		}
		r.got, r.ids = append(r.got, e), append(r.ids, request.Header.Get("webhook-id"))
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// world is an alerter whose rounds the test starts.
type world struct {
	*Alerter
	facts health.Facts
	now   time.Time
}

func (r *receiver) alerter(rdb redis.UniversalClient) *world {
	r.t.Helper()
	w := &world{facts: well(), now: time.Now()}
	w.Alerter = New(Params{
		Gather: func(context.Context) health.Facts { return w.facts }, Redis: rdb, Every: time.Minute, Log: zerolog.Nop(),
		Post: jobstest.Value(NewPost(secret.Address(r.url), hookSecret))(r.t), Now: func() time.Time { return w.now },
	})
	return w
}

func TestWhatBeginsAndEndsIsToldOnce(t *testing.T) {
	t.Parallel()
	store := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: store.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	r := newReceiver(t)
	one, two := r.alerter(rdb), r.alerter(rdb)
	round := func(w *world) { t.Helper(); jobstest.Must(t, w.round(t.Context())) }
	one.facts.Workers, two.facts.Workers = nil, nil
	round(one)
	jobstest.Equal(t, "a single look tells nothing", len(r.got), 0)
	round(two)
	for range 3 {
		round(one)
		round(two)
	}
	jobstest.Equal(t, "messages", len(r.got), 1)
	jobstest.Equal(t, "begun", r.got[0].Data.Begun[0].Code, "worker")

	r.status.Store(http.StatusBadGateway)
	one.facts = well()
	for range 2 {
		if err := one.round(t.Context()); err == nil || strings.Contains(err.Error(), r.url) || !strings.Contains(err.Error(), "502") {
			t.Errorf("an answer 502 is %v", err)
		}
	}
	r.status.Store(http.StatusOK)
	round(one)
	jobstest.Equal(t, "messages", len(r.got), 4)
	jobstest.Equal(t, "ended", r.got[3].Data.Ended[0].Code, "worker")
	jobstest.Equal(t, "one that is sent again keeps its id", r.ids[1]+r.ids[2], r.ids[3]+r.ids[3])
	round(one)
	jobstest.Equal(t, "messages", len(r.got), 4)
}

// Without Redis it is told that Redis is away, and of nothing that it is over.
func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	store := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: store.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	r := newReceiver(t)
	w := r.alerter(rdb)
	w.facts.Jobs.Dead = 1
	jobstest.Must(t, errors.Join(w.round(t.Context()), w.round(t.Context())))
	store.Close()
	w.facts = health.Facts{At: noon, Redis: errors.New("refused")}
	for range 4 {
		jobstest.Must(t, w.round(t.Context()))
	}
	jobstest.Equal(t, "messages", len(r.got), 2)
	jobstest.Equal(t, "begun", r.got[1].Data.Begun[0].Code, "redis")
	jobstest.Equal(t, "ended", len(r.got[1].Data.Ended), 0)
	jobstest.Equal(t, "open", r.got[1].Data.Open, 2)
}

// A receiver that hangs or is not there keeps nobody waiting, and its URL, which may
// hold a credential, stays out of the error.
func TestNoErrorNamesTheURL(t *testing.T) {
	t.Parallel()
	post := jobstest.Value(NewPost("http://user:canary@127.0.0.1:1/canary?token=canary", hookSecret))(t)
	err := post.send(t.Context(), message{}, noon)
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	store := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: store.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	jobstest.Must(t, newReceiver(t).alerter(rdb).Run(ctx))
}
