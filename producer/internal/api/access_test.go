package api_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/api"
)

func TestTokenIsAskedForEverywhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, pattern := range api.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{org}", string(acme), "{id}", "x", "{organizationUserId}", string(user1)).Replace(path)
		open := path == "/healthz" || path == "/readyz"
		for name, header := range map[string]map[string]string{
			"nothing": nil, "wrong token": {"Authorization": "Bearer wrong"}, "other scheme": {"Authorization": "Basic " + apiToken},
			"empty": {"Authorization": "Bearer "}, "wrong session": {"Cookie": "sponsorsync_session=9999999999.x.y"},
		} {
			a := b.do(t, call{method: method, path: path, header: header, anonymous: true})
			if open {
				jobstest.Equal(t, pattern+" with "+name, a.status, http.StatusOK)
				continue
			}
			jobstest.Equal(t, pattern+" with "+name, a.status, http.StatusUnauthorized)
			jobstest.Equal(t, pattern+" with "+name, a.problem(t).Code, fault.Unauthorized)
			jobstest.Equal(t, "challenge", a.header.Get("WWW-Authenticate"), `Bearer realm="sponsorsync"`)
		}
	}
}

// Whatever route there is or will be: with the read token it answers, or says forbidden.
func TestTheReadTokenChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeemed(t, acme, user1)
	reader := map[string]string{"Authorization": "Bearer " + readToken}
	for _, pattern := range api.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		if path == "/v1/organizations/{org}/events" || path == "/healthz" || path == "/readyz" {
			continue
		}
		path = strings.NewReplacer("{org}", string(acme), "{id}", string(user1), "{organizationUserId}", string(user1)).Replace(path)
		a := b.do(t, call{method: method, path: path, body: syncJob, header: reader})
		if method != "GET" {
			jobstest.Equal(t, pattern, a.status, http.StatusForbidden)
			jobstest.Equal(t, pattern, a.problem(t).Code, fault.Forbidden)
		} else if a.status == http.StatusForbidden || a.status == http.StatusUnauthorized {
			t.Errorf("%s: got %d", pattern, a.status)
		}
	}
	jobstest.Equal(t, "jobs", b.jobCount(t), 0)
}

func TestTheLogSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Equal(t, "by token", b.post(t, syncJob, nil).status, http.StatusAccepted)
	jobstest.Equal(t, "signed", b.do(t, call{method: "POST", path: "/v1/jobs", body: syncJob, header: signed(t, secret, syncJob, 0), anonymous: true}).status, http.StatusAccepted)
	for _, want := range []string{
		`"who":"API token","action":"sync"`, `"who":"signed hook","action":"sync"`, `"organization":"` + string(acme) + `"`,
	} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, b.log)
		}
	}
}

// signed returns the headers of a signed hook of a given age.
func signed(t *testing.T, with, body string, age time.Duration) map[string]string {
	t.Helper()
	at := time.Now().Add(-age)
	signature := jobstest.Value(jobstest.Value(standardwebhooks.NewWebhook(with))(t).Sign("msg_1", at, []byte(body)))(t)
	return map[string]string{"webhook-id": "msg_1", "webhook-timestamp": strconv.FormatInt(at.Unix(), 10), "webhook-signature": signature}
}

func TestSignedHooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header func(t *testing.T) map[string]string
		body   string
		want   int
		detail string
	}{
		"good":                                  {header: func(t *testing.T) map[string]string { return signed(t, secret, syncJob, 0) }, want: http.StatusAccepted},
		"with the secret that is being rotated": {header: func(t *testing.T) map[string]string { return signed(t, retired, syncJob, 0) }, want: http.StatusAccepted},
		"by a sender that is rotating": {header: func(t *testing.T) map[string]string {
			h := signed(t, secret, syncJob, 0)
			h["webhook-signature"] = "v1,AAAA v1a,BBBB " + h["webhook-signature"]
			return h
		}, want: http.StatusAccepted},
		"four minutes old": {header: func(t *testing.T) map[string]string { return signed(t, secret, syncJob, 4*time.Minute) }, want: http.StatusAccepted},
		"six minutes old":  {header: func(t *testing.T) map[string]string { return signed(t, secret, syncJob, 6*time.Minute) }, want: http.StatusUnauthorized, detail: "old"},
		"six minutes ahead": {header: func(t *testing.T) map[string]string {
			return signed(t, secret, syncJob, -6*time.Minute)
		}, want: http.StatusUnauthorized, detail: "ahead"},
		"with another secret": {header: func(t *testing.T) map[string]string {
			return signed(t, "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA==", syncJob, 0)
		}, want: http.StatusUnauthorized, detail: "match"},
		"over another body": {header: func(t *testing.T) map[string]string { return signed(t, secret, syncJob+" ", 0) }, want: http.StatusUnauthorized, detail: "match"},
		"with another id": {header: func(t *testing.T) map[string]string {
			h := signed(t, secret, syncJob, 0)
			h["webhook-id"] = "msg_2"
			return h
		}, want: http.StatusUnauthorized, detail: "match"},
		"without a timestamp": {header: func(t *testing.T) map[string]string {
			h := signed(t, secret, syncJob, 0)
			delete(h, "webhook-timestamp")
			return h
		}, want: http.StatusUnauthorized, detail: "lacks"},
		"too large to verify": {header: func(t *testing.T) map[string]string { return signed(t, secret, syncJob, 0) },
			body: strings.Repeat(" ", 3<<20), want: http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if c.body == "" {
				c.body = syncJob
			}
			a := b.do(t, call{method: "POST", path: "/v1/jobs", body: c.body, header: c.header(t), anonymous: true})
			jobstest.Equal(t, "status", a.status, c.want)
			if c.want == http.StatusAccepted {
				return
			}
			if p := a.problem(t); !strings.Contains(p.Detail, c.detail) {
				t.Errorf("got %q, want a word on %q", p.Detail, c.detail)
			}
			jobstest.Equal(t, "jobs", b.jobCount(t), 0)
		})
	}
}

// The id is signed, so it alone names the request: an Idempotency-Key that
// somebody added on the way must not split a repeat from its first.
func TestSignedHookRepeats(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := signed(t, secret, syncJob, 0)
	first := read[receipt](t, b.do(t, call{method: "POST", path: "/v1/jobs", body: syncJob, header: h, anonymous: true}))
	h["Idempotency-Key"] = "injected"
	again := read[receipt](t, b.do(t, call{method: "POST", path: "/v1/jobs", body: syncJob, header: h, anonymous: true}))
	jobstest.Equal(t, "repeat", again, receipt{first.ID, first.Kind, true})
}

func TestSignatureOpensNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(t, call{method: "GET", path: "/v1/organizations", header: signed(t, secret, "", 0), anonymous: true})
	jobstest.Equal(t, "status", a.status, http.StatusUnauthorized)
}

func TestCrossOriginSessionIsForbidden(t *testing.T) {
	t.Parallel()
	b := setup(t)
	session := jobstest.Value(b.access.SignIn(httptest.NewRequest("POST", "/login", nil), apiToken))(t)
	cookie := session.String()
	for site, want := range map[string]int{"same-origin": http.StatusAccepted, "cross-site": http.StatusForbidden} {
		a := b.do(t, call{method: "POST", path: "/v1/jobs", body: syncJob, anonymous: true,
			header: map[string]string{"Cookie": cookie, "Sec-Fetch-Site": site}})
		jobstest.Equal(t, site, a.status, want)
	}
	jobstest.Equal(t, "reading", b.do(t, call{method: "GET", path: "/v1/organizations", anonymous: true,
		header: map[string]string{"Cookie": cookie}}).status, http.StatusOK)
}

func TestUnknownRoutesAreProblems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.get(t, "/v2/jobs")
	jobstest.Equal(t, "status", a.status, http.StatusNotFound)
	jobstest.Equal(t, "code", a.problem(t).Code, fault.NotFound)
	a = b.do(t, call{method: "DELETE", path: "/v1/jobs"})
	jobstest.Equal(t, "status", a.status, http.StatusMethodNotAllowed)
	jobstest.Equal(t, "allow", a.header.Get("Allow"), "GET, HEAD, POST")
	jobstest.Equal(t, "code", a.problem(t).Code, fault.MethodNotAllowed)
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	handler := b.api.Wrap(panicking(), nil)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/panic", nil))
	jobstest.Equal(t, "status", w.Code, http.StatusInternalServerError)
	if strings.Contains(w.Body.String(), "boom") || !strings.Contains(b.log.String(), "boom") {
		t.Errorf("got %s, log %s", w.Body, b.log)
	}
}

func panicking() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("boom") })
	return mux
}
