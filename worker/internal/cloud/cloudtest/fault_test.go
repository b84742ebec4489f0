package cloudtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 8, 20, 20, 0, 0, 0, time.UTC).Format(http.TimeFormat)
	cases := map[string]struct {
		fault  cloudtest.Fault
		status int
		body   string // prefix
		header string // value of Retry-After, Location or Content-Type
	}{
		"rate limited in seconds": {cloudtest.RateLimitedFor(7), 429, `{"object":"error","message":"Slow down!`, "7"},
		"rate limited by date":    {cloudtest.RateLimited(date), 429, `{"object":"error"`, date},
		"server error":            {cloudtest.ServerError(), 500, `{"object":"error","message":"` + unhandled, "application/json; charset=utf-8"},
		"bad gateway":             {cloudtest.BadGateway(), 502, "<html>", "text/html; charset=utf-8"},
		"unavailable":             {cloudtest.Unavailable(), 503, "", ""},
		"edge block":              {cloudtest.EdgeBlock(), 400, `{"message":`, "application/json; charset=utf-8"},
		"garbage":                 {cloudtest.Garbage(), 200, `{"sponsorshipsBatch":[{`, "application/json; charset=utf-8"},
		"page":                    {cloudtest.HTML(), 200, "<!doctype", "text/html; charset=utf-8"},
		"redirect":                {cloudtest.Redirect("http://127.0.0.1:1/"), 307, "", "http://127.0.0.1:1/"},
		"unauthorized":            {cloudtest.Unauthorized(), 401, "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.cloud.Inject(c.fault)
			r := l.try(row(uuid.NewString()))
			equal(t, "status", r.status, c.status)
			equal(t, "body", strings.HasPrefix(r.body, c.body), true)
			headers := r.header.Get("Retry-After") + r.header.Get("Location") + r.header.Get("Content-Type")
			equal(t, "header", strings.Contains(headers, c.header), true)
			l.is(0, 0)
			l.sync(row(uuid.NewString())) // used up
			l.is(1, 1)
		})
	}
}

func TestFaultsCutConnections(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault cloudtest.Fault
		rows  int
	}{
		"reset before the effect":  {cloudtest.Reset(), 0},
		"answer lost after effect": {cloudtest.LostAnswer(), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.cloud.Inject(c.fault)
			if r := l.try(row(uuid.NewString())); r.err == nil {
				t.Errorf("answer %d, want a broken connection", r.status)
			}
			l.is(c.rows, c.rows)
			entry := l.cloud.SyncRequests()[0]
			equal(t, "status", entry.Status, 0)
			equal(t, "effect", entry.Effect, c.rows == 1)
			equal(t, "in flight", l.cloud.Stats().Total.InFlight, 0)
		})
	}
}

func TestFaultsAreAimed(t *testing.T) {
	t.Parallel()
	l := setup(t)
	other := l.cloud.AddOrganization()
	l.cloud.Inject(cloudtest.ServerError().For(strings.ToUpper(other.ID)).Times(2))
	l.cloud.Inject(cloudtest.Unavailable().After(1).When(func(r cloudtest.Request) bool { return len(r.Rows) == 1 }))
	l.sync()
	equal(t, "first with one row", l.try(row(uuid.NewString())).status, 200)
	equal(t, "second with one row", l.try(row(uuid.NewString())).status, 503)
	l.org = other
	equal(t, "other, first", l.try().status, 500)
	equal(t, "other, second", l.try().status, 500)
	equal(t, "other, third", l.try().status, 200)
	l.cloud.Inject(cloudtest.ServerError().On(cloudtest.PathAny).Times(-1))
	for range 3 {
		equal(t, "any path", l.identity().status, 500)
	}
	l.cloud.ClearFaults()
	l.sync()
}

func TestFaultAfterEffectReplacesAnswer(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.cloud.Inject(cloudtest.BadGateway().At(cloudtest.AfterEffect))
	equal(t, "status", l.try(row(uuid.NewString())).status, 502)
	l.is(1, 1)
	equal(t, "effect", l.cloud.SyncRequests()[0].Effect, true)
}

func TestOversize(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.cloud.Inject(cloudtest.Oversize(1 << 20))
	r := l.try()
	equal(t, "big", len(r.body) > 1<<20, true)
	r.json(t)
}

func TestSlowUntilReleased(t *testing.T) {
	t.Parallel()
	l := setup(t)
	released := make(chan struct{})
	l.cloud.Inject(cloudtest.SlowUntil(released))
	answered := l.background(row(uuid.NewString()))
	select {
	case r := <-answered:
		t.Errorf("answered %d before the release", r.status)
	default:
	}
	close(released)
	equal(t, "status", (<-answered).status, 200)
	l.is(1, 1)
}

// background syncs without waiting for the answer.
func (l *lab) background(rows ...object) <-chan reply {
	l.Helper()
	if l.bearer == "" {
		l.bearer = l.token("api.installation")
	}
	answered := make(chan reply, 1)
	go func() { answered <- l.try(rows...) }()
	return answered
}
