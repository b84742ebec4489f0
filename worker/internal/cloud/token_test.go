package cloud_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// numbered hands out token-1, token-2 and so on.
func numbered(lifetime int) func(*http.Request) (*http.Response, error) {
	var mu sync.Mutex
	n := 0
	return func(*http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		return response(200, fmt.Sprintf(`{"access_token":"token-%d","expires_in":%d,"token_type":"Bearer"}`, n, lifetime)), nil
	}
}

func TestTokenRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wire.api = func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet {
			return response(200, `{"version":15}`), nil
		}
		return response(200, emptyBatch), nil
	}
	for range 2 { // the second time from memory
		if _, err := b.Sync(t.Context(), batch()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.License(t.Context(), cloud.LicenseRequest{CloudOrganizationID: organization}); err != nil {
			t.Fatal(err)
		}
	}
	sent := b.wire.to("/connect/token")
	if len(sent) != 2 {
		t.Fatalf("asked for %d tokens, want one per scope", len(sent))
	}
	for i, scope := range []string{"api.installation", "api.licensing"} {
		form, err := url.ParseQuery(sent[i].body)
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{
			"grant_type": {"client_credentials"}, "scope": {scope},
			"client_id": {"installation.aaaaaaaa-1111-4111-8111-111111111111"}, "client_secret": {secretKey},
		}
		if form.Encode() != want.Encode() {
			t.Errorf("sent %v, want %v", form, want)
		}
		h := sent[i].header
		if sent[i].url != "https://identity.example/id/connect/token" || h.Get("Authorization") != "" ||
			h.Get("User-Agent") != "sponsorsync/1.2.3" || h.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("sent to %s with %v", sent[i].url, h)
		}
	}
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.wire.token = numbered(3600)
		sync := func() {
			t.Helper()
			if _, err := b.Sync(t.Context(), batch()); err != nil {
				t.Fatal(err)
			}
		}
		sync()
		time.Sleep(56*time.Minute + 29*time.Second) // of the bubble's clock; half of the jitter: 3 min 30 s early
		sync()
		if n := len(b.wire.to("/connect/token")); n != 1 {
			t.Fatalf("asked for %d tokens while the first was good", n)
		}
		time.Sleep(time.Second)
		sync()
		if got := b.wire.to("/sync")[2].header.Get("Authorization"); got != "Bearer token-2" {
			t.Errorf("sent %q with a token about to expire", got)
		}
	})
}

func TestKeepFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lifetime := time.Duration(rapid.Int64Range(1, 48*3600).Draw(t, "seconds")) * time.Second
		early := lifetime - cloud.KeepFor(lifetime, rapid.Float64Range(0, 0.999).Draw(t, "jitter"))
		if early > 5*time.Minute || early > lifetime/2 || early < min(2*time.Minute, lifetime/2) {
			t.Fatalf("a token of %s is given up %s early", lifetime, early)
		}
	})
}

func TestUnauthorizedRefreshesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wire.token = numbered(86400)
	b.wire.api = func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			return response(401, "", "WWW-Authenticate", "Bearer"), nil
		}
		return response(200, emptyBatch), nil
	}
	for range 2 {
		if _, err := b.Sync(t.Context(), batch()); err != nil {
			t.Fatal(err)
		}
	}
	if tokens, calls := len(b.wire.to("/connect/token")), len(b.wire.to("/sync")); tokens != 2 || calls != 3 {
		t.Errorf("%d tokens, %d calls; want 2, 3", tokens, calls)
	}
}

// Two tokens that died early, with a lost answer in between, are no rejection of the
// installation: that would pause every organization.
func TestTokensThatDieApartAreNotFinal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wire.token = numbered(86400)
	calls := 0
	b.wire.api = func(r *http.Request) (*http.Response, error) {
		if calls++; calls == 2 {
			httptrace.ContextClientTrace(r.Context()).WroteHeaders()
			return nil, errors.New("the answer was lost")
		}
		if r.Header.Get("Authorization") != "Bearer token-3" {
			return response(401, ""), nil
		}
		return response(200, emptyBatch), nil
	}
	if _, err := b.Sync(t.Context(), batch()); err == nil {
		t.Fatal("no answer was lost")
	}
	if _, err := b.Sync(t.Context(), batch()); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestUnauthorizedTwiceIsFinal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wire.token = numbered(86400)
	b.wire.api = always(401, "")
	_, err := b.Sync(t.Context(), batch())
	if e := failure(t, err, fault.InstallationRejected); e.Status != 401 {
		t.Errorf("status %d", e.Status)
	}
	if tokens, calls := len(b.wire.to("/connect/token")), len(b.wire.to("/sync")); tokens != 2 || calls != 2 {
		t.Errorf("%d tokens, %d calls; want 2, 2", tokens, calls)
	}
}

func TestConcurrentCallsShareATokenRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		fresh := numbered(86400)
		b.wire.token = func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return fresh(r)
		}
		b.wire.api = func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second) // so that all have sent the first token when it is refused
			if r.Header.Get("Authorization") == "Bearer token-1" {
				return response(401, ""), nil
			}
			return response(200, emptyBatch), nil
		}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if _, err := b.Sync(t.Context(), batch()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := len(b.wire.to("/connect/token")); n != 2 {
			t.Errorf("asked for %d tokens, want 2: the first, and one for all eight 401", n)
		}
	})
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		token  func(*http.Request) (*http.Response, error)
		code   fault.Code
		status int
	}{
		{"wrong credentials", always(400, `{"error":"invalid_client"}`), fault.InstallationRejected, 400},
		{"edge", always(400, edge), fault.CloudEdgeBlocked, 400},
		{"limited", always(429, `{}`), fault.CloudRateLimited, 429},
		{"outage", always(503, ``), fault.CloudUnavailable, 503},
		{"redirect", always(302, ``, "Location", "https://portal.example/"), fault.CloudProtocolError, 302},
		{"page", always(200, `<html>`, "Content-Type", "text/html"), fault.CloudProtocolError, 200},
		{"text", always(200, `hello`, "Content-Type", "text/plain"), fault.CloudProtocolError, 200},
		{"no token", always(200, `{"expires_in":1}`), fault.CloudProtocolError, 200},
		{"error with 200", always(200, `{"error":"invalid_client"}`), fault.CloudProtocolError, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.wire.token = tt.token
			_, err := b.Sync(t.Context(), batch())
			if e := failure(t, err, tt.code); e.Status != tt.status {
				t.Errorf("status %d, want %d", e.Status, tt.status)
			}
			if n := len(b.wire.to("/sync")); n != 0 {
				t.Error("synced without a token")
			}
			if got := fmt.Sprint(*b.observed); got != fmt.Sprintf("[token %s]", tt.code) {
				t.Errorf("observed %s", got)
			}
		})
	}
}
