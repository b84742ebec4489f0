package cloudtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func oauthError(t *testing.T, r reply, code string) {
	t.Helper()
	equal(t, "status", r.status, http.StatusBadRequest)
	equal(t, "body", r.body, `{"error":"`+code+`"}`)
}

// I8's five minutes of client cache are left out: a disabled installation is
// refused at once.
func TestIdentityConformance(t *testing.T) {
	t.Parallel()
	granted := func(scope string) func(*lab) {
		return func(l *lab) {
			r := l.identity("scope", scope)
			body := r.json(l.T)
			equal(l.T, "status", r.status, http.StatusOK)
			equal(l.T, "expires_in", body["expires_in"], any(86400.0))
			equal(l.T, "token_type", body["token_type"], any("Bearer"))
			equal(l.T, "scope", body["scope"], any(scope))
			token, _ := body["access_token"].(string)
			equal(l.T, "parts of the token", strings.Count(token, "."), 2)
		}
	}
	refusedWith := func(code string, pairs ...string) func(*lab) {
		return func(l *lab) { oauthError(l.T, l.identity(pairs...), code) }
	}
	conform(t, []conformance{
		{"I1 api.installation", granted("api.installation")},
		{"I2 api.push", granted("api.push")},
		{"I3 api.licensing", granted("api.licensing")},
		{"I4 random id", refusedWith("invalid_client", "client_id", "installation."+uuid.NewString())},
		{"I5 id missing", refusedWith("invalid_client", "client_id", "installation.")},
		{"I6 id no GUID", refusedWith("invalid_client", "client_id", "installation.not-a-guid")},
		{"I7 wrong key", refusedWith("invalid_client", "client_secret", "wrong")},
		{"I8 disabled", func(l *lab) {
			l.cloud.UpdateInstallation(l.in.ID, func(in *cloudtest.Installation) { in.Enabled = false })
			oauthError(l.T, l.identity(), "invalid_client")
		}},
		{"I9 other region", func(l *lab) {
			eu := setup(l.T, func(o *cloudtest.Options) { o.Region = "EU" })
			eu.in = l.in
			oauthError(l.T, eu.identity(), "invalid_client")
		}},
		{"I10 scope not allowed", refusedWith("invalid_scope", "scope", "api")},
		{"I12 edge block", func(l *lab) {
			l.cloud.Inject(cloudtest.EdgeBlock().On(cloudtest.PathToken))
			r := l.identity()
			equal(l.T, "status", r.status, http.StatusBadRequest)
			equal(l.T, "members", len(r.json(l.T)), 1)
			if !strings.HasPrefix(r.body, `{"message":"Traffic from your network looks unusual.`) {
				l.Errorf("body %q", r.body)
			}
		}},
		{"I13 JSON instead of form", func(l *lab) {
			r := l.do(call{http.MethodPost, cloudtest.PathToken, "application/json", "", `{"grant_type":"client_credentials"}`})
			oauthError(l.T, r, "invalid_request")
		}},
		{"I14 self-hosted identity", func(l *lab) {
			own := setup(l.T, func(o *cloudtest.Options) { o.SelfHosted = true })
			oauthError(l.T, own.identity(), "invalid_client")
		}},
	})
}

func TestIdentityBeyondTheSheetsTable(t *testing.T) {
	t.Parallel()
	conform(t, []conformance{
		{"region of the installation", func(l *lab) {
			l.in = l.cloud.AddInstallation(func(in *cloudtest.Installation) { in.Region = "EU" })
			oauthError(l.T, l.identity(), "invalid_client")
		}},
		{"password grant", func(l *lab) { oauthError(l.T, l.identity("grant_type", "password"), "unauthorized_client") }},
		{"unknown grant", func(l *lab) { oauthError(l.T, l.identity("grant_type", "magic"), "unsupported_grant_type") }},
		{"no scope grants all", func(l *lab) {
			equal(l.T, "scope", l.identity("scope", "").json(l.T)["scope"], any("api.push api.licensing api.installation"))
		}},
		{"upper-case id", func(l *lab) {
			equal(l.T, "status", l.identity("client_id", "installation."+strings.ToUpper(l.in.ID)).status, http.StatusOK)
		}},
	})
}

func TestIdentityRateLimit(t *testing.T) {
	t.Parallel()
	limited := func(o *cloudtest.Options) { o.Limits = cloudtest.DefaultLimits() }
	t.Run("I11 sixth in a second", func(t *testing.T) {
		t.Parallel()
		l := setup(t, limited)
		for range 5 {
			equal(t, "status", l.identity().status, http.StatusOK)
		}
		r := l.identity()
		refused(t, r, http.StatusTooManyRequests, "Slow down! Too many requests. Try again in 1s.")
		equal(t, "Retry-After", r.header.Get("Retry-After"), "1")
		equal(t, "rate limited", l.cloud.Stats().RateLimited, 1)
		l.clock.Advance(time.Second)
		equal(t, "status after the window", l.identity().status, http.StatusOK)
	})
	t.Run("I11 eleventh in a minute", func(t *testing.T) {
		t.Parallel()
		l := setup(t, limited)
		for range 10 {
			equal(t, "status", l.identity().status, http.StatusOK)
			l.clock.Advance(time.Second)
		}
		r := l.identity()
		refused(t, r, http.StatusTooManyRequests, "Slow down! Too many requests. Try again in 1m.")
		equal(t, "Retry-After", r.header.Get("Retry-After"), "50")
	})
}
