package access_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
)

// with is a request of a browser that has a session.
func with(cookie *http.Cookie, method string, header ...string) *http.Request {
	r := request(method, header...)
	r.AddCookie(cookie)
	return r
}

func TestSession(t *testing.T) {
	t.Parallel()
	rdb, now := store(t), newClock()
	door := jobstest.Value(access.New(access.Params{Token: apiToken, Redis: rdb, Now: now.now}))(t)
	cookie := jobstest.Value(door.SignIn(request("POST"), apiToken))(t)
	if strings.Contains(cookie.Value, apiToken) || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure || cookie.Path != "/" {
		t.Errorf("got cookie %v", cookie)
	}
	jobstest.Must(t, door.Check(with(cookie, "GET")))
	jobstest.Must(t, door.Check(with(cookie, "POST", "Sec-Fetch-Site", "same-origin")))
	jobstest.Must(t, door.Check(with(cookie, "POST", "Origin", "http://example.com")))
	made := *cookie
	made.Value = "another"
	for name, r := range map[string]*http.Request{
		"cross-site":         with(cookie, "POST", "Sec-Fetch-Site", "cross-site"),
		"same site":          with(cookie, "POST", "Sec-Fetch-Site", "same-site"), // another port of this host
		"other origin":       with(cookie, "POST", "Origin", "http://evil.example"),
		"made up":            with(&made, "GET"),
		"none":               request("GET"),
		"with a wrong token": with(cookie, "GET", "Authorization", "Bearer wrong"),
		"set by a neighbor":  with(cookie, "GET", "X-Forwarded-Proto", "https"),
	} {
		jobstest.Equal(t, name, codeOf(t, door, r), fault.Unauthorized)
	}
}

// Over TLS the browser itself sees to it that no other host sets the cookie.
func TestCookieOverTLS(t *testing.T) {
	t.Parallel()
	rdb := store(t)
	for base, want := range map[string]string{"": "__Host-sponsorsync_session", "/sync": "__Secure-sponsorsync_session"} {
		door := jobstest.Value(access.New(access.Params{Token: apiToken, Redis: rdb, Now: time.Now, Base: base}))(t)
		cookie := jobstest.Value(door.SignIn(request("POST", "X-Forwarded-Proto", "https"), apiToken))(t)
		jobstest.Equal(t, "name", cookie.Name, want)
		jobstest.Equal(t, "path", cookie.Path, base+"/")
		jobstest.Equal(t, "secure", cookie.Secure, true)
		jobstest.Must(t, door.Check(with(cookie, "GET", "X-Forwarded-Proto", "https")))
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token string
		act   func(t *testing.T, door *access.Access, now *clock, cookie *http.Cookie)
		want  fault.Code
	}{
		"a day of work": {apiToken, func(t *testing.T, door *access.Access, now *clock, cookie *http.Cookie) {
			for range 23 {
				now.pass(access.SessionLife / 24)
				jobstest.Must(t, door.Check(with(cookie, "GET")))
			}
		}, ""},
		"the day is over": {apiToken, func(t *testing.T, door *access.Access, now *clock, cookie *http.Cookie) {
			for range 24 {
				_ = door.Check(with(cookie, "GET"))
				now.pass(access.SessionLife / 24)
			}
		}, fault.Unauthorized},
		"nobody there": {apiToken, func(_ *testing.T, _ *access.Access, now *clock, _ *http.Cookie) { now.pass(access.SessionIdle) }, fault.Unauthorized},
		"a page alone": {apiToken, func(t *testing.T, door *access.Access, now *clock, cookie *http.Cookie) {
			for range 4 {
				jobstest.Must(t, door.Check(with(cookie, "GET", "X-Refresh", "page")))
				jobstest.Must(t, door.Check(with(cookie, "GET", "Accept", "text/event-stream")))
				now.pass(access.SessionIdle / 4)
			}
		}, fault.Unauthorized},
		"a page on the wall": {"eyes", func(_ *testing.T, _ *access.Access, now *clock, _ *http.Cookie) {
			now.pass(access.SessionLife - time.Second)
		}, ""},
		"a day on the wall": {"eyes", func(_ *testing.T, _ *access.Access, now *clock, _ *http.Cookie) { now.pass(access.SessionLife) }, fault.Unauthorized},
		"signed out": {apiToken, func(t *testing.T, door *access.Access, _ *clock, cookie *http.Cookie) {
			jobstest.Must(t, door.SignOut(with(cookie, "POST")))
		}, fault.Unauthorized},
		"signed in anew": {apiToken, func(t *testing.T, door *access.Access, _ *clock, cookie *http.Cookie) {
			jobstest.Value(door.SignIn(with(cookie, "POST"), apiToken))(t)
		}, fault.Unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			door := jobstest.Value(access.New(access.Params{Token: apiToken, ReadToken: "eyes", Redis: store(t), Now: now.now}))(t)
			cookie := jobstest.Value(door.SignIn(request("POST"), c.token))(t)
			c.act(t, door, now, cookie)
			jobstest.Equal(t, "after", codeOf(t, door, with(cookie, "GET")), c.want)
		})
	}
}

// All processes know a session, as long as they have the token that began it.
func TestAnotherTokenEndsSessions(t *testing.T) {
	t.Parallel()
	rdb := store(t)
	open := func(token string) *access.Access {
		return jobstest.Value(access.New(access.Params{Token: token, Redis: rdb, Now: time.Now}))(t)
	}
	cookie := jobstest.Value(open(apiToken).SignIn(request("POST"), apiToken))(t)
	jobstest.Equal(t, "another process", codeOf(t, open(apiToken), with(cookie, "GET")), "")
	jobstest.Equal(t, "another token", codeOf(t, open("a-new-token"), with(cookie, "GET")), fault.Unauthorized)
}

// Who reads Redis finds neither the cookie nor what could be held against the token.
func TestRedisHoldsNoSession(t *testing.T) {
	t.Parallel()
	rdb := store(t)
	door := jobstest.Value(access.New(access.Params{Token: apiToken, Redis: rdb, Now: time.Now}))(t)
	cookie := jobstest.Value(door.SignIn(request("POST"), apiToken))(t)
	keys := jobstest.Value(rdb.Keys(t.Context(), "sponsorsync:{sessions}:*").Result())(t)
	jobstest.Equal(t, "sessions", len(keys), 1)
	if text := jobstest.Value(rdb.Get(t.Context(), keys[0]).Result())(t); strings.Contains(keys[0]+text, cookie.Value) || strings.Contains(text, apiToken) {
		t.Errorf("got %s %s", keys[0], text)
	}
	if left := rdb.TTL(t.Context(), keys[0]).Val(); left <= 0 || left > access.SessionLife {
		t.Errorf("stays for %s", left)
	}
}

func TestNobodyIsSignedOutByAMissingRedis(t *testing.T) {
	t.Parallel()
	door := jobstest.Value(access.New(access.Params{Token: apiToken, Redis: redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}), Now: time.Now}))(t)
	cookie := &http.Cookie{Name: "sponsorsync_session", Value: "id"}
	jobstest.Equal(t, "session", codeOf(t, door, with(cookie, "GET")), fault.QueueUnavailable)
	jobstest.Equal(t, "token", codeOf(t, door, bearer(apiToken, "192.0.2.1")), "")
	jobstest.Equal(t, "sign-out", fault.CodeOf(door.SignOut(with(cookie, "POST"))), fault.QueueUnavailable)
	_, err := door.SignIn(request("POST"), apiToken)
	jobstest.Equal(t, "sign-in", fault.CodeOf(err), fault.QueueUnavailable)
}
