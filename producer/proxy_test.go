package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

const (
	proxyBase   = "/apps/sponsorsync"
	proxySecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	proxyJob    = `{"kind":"sync","args":{"organizationId":"11111111-1111-4111-8111-111111111111"}}`
)

// proxied is serve behind a reverse proxy that keeps the prefix, or takes it away.
func proxied(t *testing.T, strip bool) (site string, direct *served) {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { _ = stack.Close() })
	direct = startServe(t, stack.RedisURL(), stack.NATSURL(), "SPONSORSYNC_BASE_PATH="+proxyBase, "SPONSORSYNC_HOOK_SECRET="+proxySecret)
	target := jobstest.Value(url.Parse(direct.url))(t)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
		if strip {
			r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, proxyBase)
		}
	}}
	mux := http.NewServeMux()
	mux.Handle(proxyBase+"/", proxy)
	if !strip {
		mux.Handle(proxyBase, proxy)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = direct.stop() }) // first: it ends the event stream
	return server.URL, direct
}

// browser keeps cookies and stays on one site.
func browser(t *testing.T) *http.Client {
	t.Helper()
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Jar: jobstest.Value(cookiejar.New(nil))(t)}
}

func ask(t *testing.T, c *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	response := jobstest.Value(c.Do(r))(t)
	defer func() { _ = response.Body.Close() }()
	return response, string(jobstest.Value(io.ReadAll(response.Body))(t))
}

func asking(t *testing.T, method, address, body string, header ...string) *http.Request {
	t.Helper()
	r := jobstest.Value(http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body)))(t)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

var addresses = regexp.MustCompile(`(?:href|src|action|data-events)="(/[^"]*)"`)

// Not parallel: serve sets the logger of go-redis, of which a process has one.
func TestBelowAPrefix(t *testing.T) {
	for _, strip := range []bool{false, true} {
		t.Run(fmt.Sprintf("the proxy takes it away %t", strip), func(t *testing.T) {
			site, direct := proxied(t, strip)
			t.Run("page", func(t *testing.T) { testPageBelow(t, site) })
			t.Run("API", func(t *testing.T) { testAPIBelow(t, site) })
			t.Run("hook", func(t *testing.T) { testHookBelow(t, site) })
			t.Run("events", func(t *testing.T) { testEventsBelow(t, site) })
			direct.requireStatus(t, "/healthz", http.StatusOK)
			direct.requireStatus(t, proxyBase+"/healthz", http.StatusOK)
			direct.requireStatus(t, proxyBase+"x/healthz", http.StatusNotFound)
			if text := string(jobstest.Value(io.ReadAll(direct.get(t, "/metrics").Body))(t)); !strings.Contains(text, `route="GET /v1/jobs/{id}",status="200"`) || strings.Contains(text, `route="/"`) {
				t.Error("the metrics do not know the routes")
			}
		})
	}
}

// A browser signs in, presses buttons and signs out without leaving the prefix.
func testPageBelow(t *testing.T, site string) {
	c := browser(t)
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", site}
	org := "/organizations/11111111-1111-4111-8111-111111111111"
	_, page := ask(t, c, asking(t, "GET", site+proxyBase+"/?x=1", ""))
	requireBelow(t, page)
	steps := []struct{ path, form, want string }{
		{"/login", "next=/&token=" + serveToken, "/"},
		{"/connect", "org=11111111-1111-4111-8111-111111111111&cloudOrg=22222222-2222-4222-8222-222222222222&token=abcdefghijklmnopqrstuvwxyz0123", org},
		{org + "/sync", "key=1&officialJobOff=yes", org},
		{"/logout", "", "/"},
	}
	for _, s := range steps {
		response, page := ask(t, c, asking(t, "POST", site+proxyBase+s.path, s.form, form...))
		jobstest.Equal(t, s.path, response.Request.URL.Path, proxyBase+s.want)
		requireBelow(t, page)
		if want := s.path != "/logout"; strings.Contains(page, "Sign out") != want {
			t.Errorf("%s: signed in is %t", s.path, !want)
		}
	}
	response, _ := ask(t, c, asking(t, "GET", site+proxyBase+"/static/page.js", ""))
	jobstest.Equal(t, "script", response.StatusCode, http.StatusOK)
}

func requireBelow(t *testing.T, page string) {
	t.Helper()
	all := addresses.FindAllStringSubmatch(page, -1)
	if len(all) < 4 {
		t.Errorf("no page: %s", page)
	}
	for _, found := range all {
		if !strings.HasPrefix(found[1], proxyBase+"/") {
			t.Errorf("%s leads out of the prefix", found[1])
		}
	}
}

func testAPIBelow(t *testing.T, site string) {
	c, token := browser(t), []string{"Authorization", "Bearer " + serveToken}
	response, _ := ask(t, c, asking(t, "POST", site+proxyBase+"/v1/jobs", proxyJob, token...))
	jobstest.Equal(t, "status", response.StatusCode, http.StatusAccepted)
	where := response.Header.Get("Location")
	if !strings.HasPrefix(where, proxyBase+"/v1/jobs/") {
		t.Errorf("got Location %s", where)
	}
	response, _ = ask(t, c, asking(t, "GET", site+where, "", token...))
	jobstest.Equal(t, "the job", response.StatusCode, http.StatusOK)
	_, document := ask(t, c, asking(t, "GET", site+proxyBase+"/openapi.yaml", "", token...))
	if !strings.Contains(document, "servers:\n  - url: "+proxyBase+"/\n") {
		t.Error("the document names another address")
	}
}

func testHookBelow(t *testing.T, site string) {
	at := time.Now()
	signature := jobstest.Value(jobstest.Value(standardwebhooks.NewWebhook(proxySecret))(t).Sign("msg_1", at, []byte(proxyJob)))(t)
	response, _ := ask(t, browser(t), asking(t, "POST", site+proxyBase+"/v1/jobs", proxyJob,
		"webhook-id", "msg_1", "webhook-timestamp", strconv.FormatInt(at.Unix(), 10), "webhook-signature", signature))
	jobstest.Equal(t, "status", response.StatusCode, http.StatusAccepted)
}

func testEventsBelow(t *testing.T, site string) {
	r := asking(t, "GET", site+proxyBase+"/v1/organizations/11111111-1111-4111-8111-111111111111/events", "", "Authorization", "Bearer "+serveToken)
	response := jobstest.Value(browser(t).Do(r))(t)
	defer func() { _ = response.Body.Close() }()
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry:") {
		t.Errorf("got %q, %v, want an open stream", line, err)
	}
}
