package doctor_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/doctor"
)

func TestWrongInstallation(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*bundle){
		"key": func(b *bundle) { b.env["globalSettings__installation__key"] = "wrong" },
		"id":  func(b *bundle) { b.env["globalSettings__installation__id"] = string(org) },
		"disabled": func(b *bundle) {
			b.cloud.UpdateInstallation(b.installation.ID, func(i *cloudtest.Installation) { i.Enabled = false })
		},
		"region": func(b *bundle) {
			b.cloud.UpdateInstallation(b.installation.ID, func(i *cloudtest.Installation) { i.Region = "EU" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			spoil(b)
			checks := b.run()
			onlyFails(t, checks, "installation token")
			expect(t, find(t, checks, "installation token"), doctor.Fail, "invalid_client", "installation__id", "installation__key", "region", "bitwarden.eu")
		})
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	us := config.Cloud{Region: "US", IdentityURI: "https://identity.bitwarden.com", APIURI: "https://api.bitwarden.com"}
	eu := config.Cloud{Region: "EU", IdentityURI: "https://identity.bitwarden.eu", APIURI: "https://api.bitwarden.eu", PushRelayURI: "https://push.bitwarden.eu"}
	with := func(c config.Cloud, edit func(*config.Cloud)) config.Cloud { edit(&c); return c }
	tests := []struct {
		name        string
		set         config.Cloud
		region      doctor.Status
		says        string
		relay       doctor.Status
		relaysTruth string
	}{
		{"US", us, doctor.OK, "US, and so are the hosts", doctor.OK, "not set"},
		{"EU", eu, doctor.OK, "EU, and so are the hosts", doctor.OK, "push.bitwarden.eu"},
		{"EU region, US hosts", with(us, func(c *config.Cloud) { c.Region = "EU" }), doctor.Fail, "identityUri is the US host identity.bitwarden.com, apiUri is the US host", doctor.OK, "not set"},
		{"US region, EU api", with(us, func(c *config.Cloud) { c.APIURI = eu.APIURI }), doctor.Fail, "the region is US, but apiUri is the EU host api.bitwarden.eu", doctor.OK, ""},
		{"a third region", with(us, func(c *config.Cloud) { c.APIURI = "https://api.bitwarden-gov.com" }), doctor.Fail, "Gov", doctor.OK, ""},
		{"somebody's own host", with(us, func(c *config.Cloud) { c.APIURI = "https://api.notbitwarden.com" }), doctor.Warn, "api.notbitwarden.com: none of Bitwarden's hosts", doctor.OK, ""},
		{"relay of the US", with(eu, func(c *config.Cloud) { c.PushRelayURI = "https://push.bitwarden.com" }), doctor.OK, "", doctor.Warn, "globalSettings__pushRelayBaseUri"},
		{"relay unset in the installer's way", with(eu, func(c *config.Cloud) { c.PushRelayURI = "REPLACE" }), doctor.OK, "", doctor.OK, "not set"},
		{"relay elsewhere", with(us, func(c *config.Cloud) { c.PushRelayURI = "https://user:pass@push.example" }), doctor.OK, "", doctor.Warn, "cannot be told"},
		{"no region", config.Cloud{}, doctor.Warn, "not checked", doctor.Warn, "not checked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checks := doctor.Regions(tt.set)
			expect(t, find(t, checks, "cloud region"), tt.region, tt.says)
			expect(t, find(t, checks, "push relay"), tt.relay, tt.relaysTruth)
		})
	}
}

func TestUnreachableHost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["globalSettings__installation__apiUri"] = "http://" + closedPort(t)
	checks := b.run()
	onlyFails(t, checks, "api connection")
	expect(t, find(t, checks, "api connection"), doctor.Fail, "refused", "Allow outgoing connections to "+b.env["globalSettings__installation__apiUri"])
	expect(t, find(t, checks, "api TLS"), doctor.Warn, "not checked: api connection failed")
	expect(t, find(t, checks, "installation token"), doctor.OK)
	expect(t, find(t, checks, "clock"), doctor.OK) // the other host tells the time
}

func TestNoSuchName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["globalSettings__installation__identityUri"] = "https://identity..invalid"
	checks := b.run()
	onlyFails(t, checks, "identity name")
	expect(t, find(t, checks, "identity name"), doctor.Fail, "identity..invalid: there is no such name", "DNS", "https://identity..invalid")
	for _, name := range []string{"identity connection", "identity TLS", "installation token"} {
		expect(t, find(t, checks, name), doctor.Warn, "not checked")
	}
}

// secure serves the bundle's cloud over TLS, with a certificate that nobody trusts
// unless told to.
func secure(t *testing.T, b *bundle) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(b.cloud)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	b.env["globalSettings__installation__identityUri"] = server.URL
	b.env["globalSettings__installation__apiUri"] = server.URL
	return server
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secure(t, b)
	checks := b.run()
	onlyFails(t, checks, "identity TLS", "api TLS")
	expect(t, find(t, checks, "api TLS"), doctor.Fail, "certificate", "SSL_CERT_FILE")
	expect(t, find(t, checks, "installation token"), doctor.Warn, "not checked")
	if n := len(b.cloud.Requests()); n != 0 {
		t.Errorf("%d requests over a connection that is not trusted", n)
	}
}

func TestTrustedCertificate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := secure(t, b)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	b.params.Transport = &http.Transport{}
	b.params.Transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	b.params.Transport.TLSClientConfig.RootCAs = pool
	checks := b.run()
	onlyFails(t, checks)
	expect(t, find(t, checks, "identity TLS"), doctor.OK, "certificate is trusted")
}

// A proxy is the first stop: names and connections are checked there.
func TestProxyInBetween(t *testing.T) {
	t.Parallel()
	b := setup(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.cloud.ServeHTTP(w, r) }))
	t.Cleanup(proxy.Close)
	b.env["globalSettings__installation__identityUri"] = "http://localhost:1"
	b.env["globalSettings__installation__apiUri"] = "http://localhost:1"
	b.params.Transport = &http.Transport{Proxy: http.ProxyURL(must1(t)(http.NewRequest(http.MethodGet, proxy.URL, nil)).URL)}
	checks := b.run()
	onlyFails(t, checks)
	expect(t, find(t, checks, "api connection"), doctor.OK, strings.TrimPrefix(proxy.URL, "http://")+" (the proxy in front of localhost:1)")
}

func must1(t *testing.T) func(*http.Request, error) *http.Request {
	return func(r *http.Request, err error) *http.Request {
		t.Helper()
		jobstest.Must(t, err)
		return r
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ahead  time.Duration // the cloud's clock
		status doctor.Status
		says   string
	}{
		{0, doctor.OK, "agrees"},
		{2 * time.Minute, doctor.Warn, "behind the cloud's"},
		{-time.Hour, doctor.Fail, "ahead of the cloud's"},
		{time.Hour, doctor.Fail, "NTP"},
	}
	for _, tt := range tests {
		t.Run(tt.ahead.String(), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			server := httptest.NewServer(dated(b.cloud, func() time.Time { return time.Now().Add(tt.ahead) }))
			t.Cleanup(server.Close)
			b.env["globalSettings__installation__identityUri"] = server.URL
			b.env["globalSettings__installation__apiUri"] = server.URL
			expect(t, find(t, b.run(), "clock"), tt.status, tt.says)
		})
	}
}

// What doctor says of a token endpoint is what a sync would fail with.
func TestTokenIsClassifiedAsByTheClient(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		code   int
		body   string
		status doctor.Status
		fault  fault.Code
	}{
		{"captive portal", 200, `<html>`, doctor.Fail, fault.CloudProtocolError},
		{"empty", 200, `{}`, doctor.Fail, fault.CloudProtocolError},
		{"wrong credentials", 400, `{"error":"invalid_client"}`, doctor.Fail, fault.InstallationRejected},
		{"wrong scope", 400, `{"error":"invalid_scope"}`, doctor.Fail, fault.CloudProtocolError},
		{"edge", 400, `{"message":"Traffic from your network looks unusual."}`, doctor.Fail, fault.CloudEdgeBlocked},
		{"a message alone, with 401", 401, `{"message":"Go away."}`, doctor.Fail, fault.CloudProtocolError},
		{"request timeout", 408, ``, doctor.Fail, fault.CloudUnavailable},
		{"limit", 429, `{"object":"error","message":"Slow down!"}`, doctor.Warn, fault.CloudRateLimited},
		{"outage", 503, ``, doctor.Fail, fault.CloudUnavailable},
		{"redirect", 302, ``, doctor.Fail, fault.CloudProtocolError},
		{"granted, and shared from then on", 200, `{"access_token":"canary","expires_in":86400}`, doctor.OK, ""},
	}
	b := setup(t)
	var answer atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tt := tests[answer.Load().(int)]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(tt.code)
		_, _ = io.WriteString(w, tt.body)
	}))
	t.Cleanup(server.Close)
	b.env["globalSettings__installation__identityUri"] = server.URL
	for i, tt := range tests {
		answer.Store(i)
		check := find(t, b.run(), "installation token")
		if tt.fault == "" {
			expect(t, check, tt.status, "granted")
			continue
		}
		err := syncOnce(t, b, server.URL)
		want, ok := errors.AsType[*cloud.Error](err)
		if !ok || want.Fault.Code != tt.fault {
			t.Fatalf("%s: a sync fails with %v, want %s", tt.name, err, tt.fault)
		}
		expect(t, check, tt.status, want.Fault.Message, strings.TrimPrefix(server.URL, "http://"))
		if check.Hint != tt.fault.Hint() {
			t.Errorf("%s: hints %q", tt.name, check.Hint)
		}
	}
}

// The cloud grants ten tokens a minute to the address, which the self-hosted server
// needs, too.
func TestAWorkersTokenIsReused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.run()
	expect(t, find(t, first, "installation token"), doctor.OK, "granted: installation id")
	again := b.run()
	expect(t, find(t, again, "installation token"), doctor.OK, "was not asked again")
	jobstest.Equal(t, "tokens asked for", len(b.cloud.TokenRequests()), 1)
	b.env["globalSettings__installation__key"] = "another"
	expect(t, find(t, b.run(), "installation token"), doctor.Fail, "invalid_client")
	jobstest.Equal(t, "tokens asked for", len(b.cloud.TokenRequests()), 2)
}

// syncOnce is what a worker would meet at that cloud.
func syncOnce(t *testing.T, b *bundle, url string) error {
	t.Helper()
	client, err := cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: url, APIURI: url, InstallationID: b.installation.ID, InstallationKey: secret.Text(b.installation.Key),
		},
		Limiter: unlimited{}, Now: time.Now, Rand: func() float64 { return 0 },
	})
	jobstest.Must(t, err)
	defer client.Close()
	return client.Turn(t.Context(), cloud.Urgent) // which obtains the token
}

// unlimited lets every request pass.
type unlimited struct{}

func (unlimited) Wait(context.Context, cloud.Lane) error      { return nil }
func (unlimited) PauseUntil(context.Context, time.Time) error { return nil }
