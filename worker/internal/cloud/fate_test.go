package cloud_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

func TestTheFateOfARequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		left   bool
		status int
		own    bool // the cloud's own error body
		want   cloud.Fate
	}{
		{"no connection", false, 0, false, cloud.NeverLeft},
		{"no answer", true, 0, false, cloud.NotEnded},
		{"answered", true, 200, false, cloud.CarriedOut},
		{"answered with nothing", true, 204, false, cloud.CarriedOut},
		{"redirect", true, 307, false, cloud.Refused},
		{"refusal", true, 400, true, cloud.Refused},
		{"edge", true, 403, false, cloud.Refused},
		{"too large", true, 413, false, cloud.Refused},
		{"too early", true, 425, false, cloud.Refused},
		{"too many", true, 429, true, cloud.Refused},
		{"the proxy heard no more of it", true, 408, false, cloud.NotEnded},
		{"a 408 in the cloud's own words", true, 408, true, cloud.NotEnded},
		{"exception", true, 500, true, cloud.CarriedOut},
		{"a 500 of somebody else", true, 500, false, cloud.NotEnded},
		{"bad gateway", true, 502, false, cloud.NotEnded},
		{"unavailable", true, 503, false, cloud.NotEnded},
		{"unavailable, in the cloud's own words", true, 503, true, cloud.NotEnded},
		{"gateway timeout", true, 504, false, cloud.NotEnded},
		{"edge's timeout", true, 524, false, cloud.NotEnded},
		{"no such status", true, 700, false, cloud.NotEnded},
	}
	for _, tt := range tests {
		if got := cloud.FateOfAnswer(tt.left, tt.status, tt.own); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// hold reads the request and answers only when the caller has gone.
func hold(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// cutOff is an answer whose connection breaks in the middle of its body.
func cutOff(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestFatesOverTheNet(t *testing.T) {
	t.Parallel()
	ownBody := bitwarden("An unhandled server error has occurred.")
	tests := map[string]struct {
		api  http.HandlerFunc
		want cloud.Fate
	}{
		"no answer in time":                       {hold, cloud.NotEnded},
		"connection dropped":                      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, cloud.NotEnded},
		"200 cut off":                             {cutOff(200, emptyBatch), cloud.CarriedOut},
		"400 cut off":                             {cutOff(400, `{"object":`), cloud.Refused},
		"500 cut off in the cloud's own body":     {cutOff(500, ownBody[:60]), cloud.CarriedOut},
		"500 cut off before anything can be told": {cutOff(500, `{"ob`), cloud.NotEnded},
		"502 cut off":                             {cutOff(502, `<html>`), cloud.NotEnded},
		"200 that cannot be read":                 {answers(200, `<html>`), cloud.CarriedOut},
		"500":                                     {answers(500, ownBody), cloud.CarriedOut},
		"500 of a proxy":                          {answers(500, `<html>`), cloud.NotEnded},
		"429":                                     {answers(429, ``), cloud.Refused},
	}
	for name, tt := range tests {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(name+" over "+protocol, func(t *testing.T) {
				t.Parallel()
				b := overTLS(t, protocol, tt.api)
				_, err := b.Sync(t.Context(), batch())
				if got := cloud.FateOf(err); err == nil || got != tt.want {
					t.Errorf("got %d of %v, want %d", got, err, tt.want)
				}
			})
		}
	}
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// short is how long a client waits for an answer that never comes: long enough for a
// busy machine to shake hands before.
const short = 3 * time.Second

// overTLS is a client whose time is short, and an API server of its own.
func overTLS(t *testing.T, protocol string, api http.HandlerFunc) bundle {
	t.Helper()
	server := httptest.NewUnstartedServer(api)
	server.EnableHTTP2 = protocol == "HTTP/2"
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return setup(t, func(p *cloud.Params) {
		p.Config.APIURI, p.Config.Timeout = server.URL, short
		p.Transport = tokensFirst{p.Transport, server.Client().Transport}
	})
}

// tokensFirst asks the wire for tokens and the network for everything else.
type tokensFirst struct{ wire, net http.RoundTripper }

func (c tokensFirst) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "identity.example" {
		return c.wire.RoundTrip(r)
	}
	return c.net.RoundTrip(r)
}

func TestWhatNeverLeft(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	overNet := func(url string) func(*cloud.Params) {
		return func(p *cloud.Params) {
			p.Config.APIURI = url
			p.Transport = tokensFirst{p.Transport, &http.Transport{}}
		}
	}
	unknownName := func(p *cloud.Params) {
		p.Transport = tokensFirst{p.Transport, &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "api.example", IsNotFound: true}
		}}}
	}
	tests := map[string]struct {
		change func(*cloud.Params)
		spoil  func(*bundle)
	}{
		"refused connection":   {overNet(gone.URL), nil},
		"failed TLS handshake": {overNet(untrusted.URL), nil},
		"unknown name":         {unknownName, nil},
		"no token":             {nil, func(b *bundle) { b.wire.token = always(503, "") }},
		"no turn":              {nil, func(b *bundle) { b.limiter.err = fault.New(fault.QueueUnavailable, "no Redis") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.change == nil {
				tt.change = func(*cloud.Params) {}
			}
			b := setup(t, tt.change)
			if tt.spoil != nil {
				tt.spoil(&b)
			}
			_, err := b.Sync(t.Context(), batch())
			if err == nil || cloud.FateOf(err) != cloud.NeverLeft {
				t.Errorf("got %d of %v", cloud.FateOf(err), err)
			}
		})
	}
	t.Run("harmful batch", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).Sync(t.Context(), batch(cloud.Row{UserID: user1}))
		if cloud.FateOf(err) != cloud.NeverLeft || fault.CodeOf(err) != fault.InvalidArguments {
			t.Errorf("got %d of %v", cloud.FateOf(err), err)
		}
	})
}

// The type of an error is no proof: this alert ends a connection that has carried
// the request.
func TestATLSAlertInTheMiddleIsNoHandshake(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wire.api = func(r *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(r.Context()).WroteHeaders()
		return nil, tls.AlertError(80)
	}
	_, err := b.Sync(t.Context(), batch())
	failure(t, err, fault.CloudUnavailable)
	if got := cloud.FateOf(err); got != cloud.NotEnded {
		t.Errorf("got %d", got)
	}
}

func TestTheFateOfWhatTheCallerGaveUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	b := overTLS(t, "HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hold(w, r)
	})
	_, err := b.Sync(ctx, batch())
	if !errors.Is(err, context.Canceled) || cloud.FateOf(err) != cloud.NotEnded {
		t.Errorf("got %d of %v, want one that may be at work", cloud.FateOf(err), err)
	}
	waiting := setup(t)
	waiting.limiter.err = context.Canceled
	_, err = waiting.Sync(t.Context(), batch())
	if !errors.Is(err, context.Canceled) || cloud.FateOf(err) != cloud.NeverLeft {
		t.Errorf("got %d of %v, want one that never left", cloud.FateOf(err), err)
	}
}
