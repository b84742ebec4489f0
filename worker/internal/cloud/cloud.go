// Package cloud is the HTTP client of Bitwarden's cloud: it obtains an
// installation's token, syncs one batch of an organization's sponsorships, and
// fetches a fresh license.
//
// Its worth lies in what it does when that fails. Every way in which the cloud,
// or something between here and it, can answer is mapped by one table to a
// [fault.Code] that says what to do (classify.go). All workers keep the cloud's
// limits together (ratelimit.go, ratelimit.lua), and an outage costs a probe now and then
// instead of a storm (breaker.go).
//
// The package never retries, but for the one repeat with a new token after a
// 401; it never touches the ledger; and it never puts a secret, an address or an
// unknown text of the cloud into an error, a log line or a metric.
package cloud

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// Scopes of an installation's token: one per purpose, as the official server
// asks for them (PROTOCOL.md 1.1).
const (
	scopeSync    = "api.installation"
	scopeLicense = "api.licensing"
)

// Config says which cloud is called, as whom, and how long it may take.
type Config struct {
	IdentityURI     string // base of connect/token; may hold a path
	APIURI          string // base of everything else; may hold a path
	InstallationID  string // a GUID, in any case
	InstallationKey secret.Text
	Version         string // of this program, for the User-Agent

	Timeout          time.Duration // of one HTTP exchange, waiting for a turn not counted; 0 is 30 s
	MaxResponseBytes int64         // a larger answer is refused; 0 is 32 MiB
	OutagesToOpen    uint32        // consecutive outages that stop all calls; 0 is 3
	ProbeAfter       time.Duration // from then to the next probe; 0 is 15 s
}

// Params holds what a [Client] is built from. Limiter, Now and Rand are required.
type Params struct {
	Config    Config
	Limiter   Limiter
	Now       func() time.Time
	Rand      func() float64 // in [0, 1), spreads the workers' token refreshes
	Log       zerolog.Logger
	Tokens    Tokens            // shares tokens with others; nil shares none
	Transport http.RoundTripper // reports to httptrace; nil is Go's default: HTTPS_PROXY and SSL_CERT_FILE work

	// Traces gets a span for every HTTP exchange; nil records none. The cloud is never
	// told of a trace: it is another's, and the official server sends it no such header.
	Traces trace.TracerProvider

	// Observe, if set, is told of every HTTP exchange: [OpToken], [OpSync] or
	// [OpLicense], "ok", "canceled" or the fault's code, and how long it took.
	Observe func(op, code string, took time.Duration)
}

// Client calls the cloud for one installation. It is safe for concurrent use.
type Client struct {
	params  Params
	http    *http.Client
	breaker *breaker

	sync, license operation
	syncToken     *tokenSource
	licenseToken  *tokenSource
}

// New checks the parameters and returns a Client. It does not call anybody.
func New(p Params) (*Client, error) {
	if p.Limiter == nil || p.Now == nil || p.Rand == nil {
		return nil, errors.New("new cloud client: Limiter, Now and Rand are required")
	}
	if p.Observe == nil {
		p.Observe = func(string, string, time.Duration) {}
	}
	if p.Tokens == nil {
		p.Tokens = unshared{}
	}
	p.Config = withDefaults(p.Config)
	id, err := uuid.Parse(p.Config.InstallationID)
	if err != nil || p.Config.InstallationKey == "" {
		return nil, fault.New(fault.InstallationRejected, "the installation id is not a GUID, or its key is missing")
	}
	identity, err := baseURL(p.Config.IdentityURI)
	if err != nil {
		return nil, fmt.Errorf("read identity URI: %w", err)
	}
	api, err := baseURL(p.Config.APIURI)
	if err != nil {
		return nil, fmt.Errorf("read API URI: %w", err)
	}
	return assemble(p, id, endpoints{identity: identity, api: api}), nil
}

type endpoints struct{ identity, api *url.URL }

func assemble(p Params, id uuid.UUID, at endpoints) *Client {
	c := &Client{
		params:  p,
		http:    newHTTPClient(p),
		breaker: newBreaker(p),
		sync:    operation{name: OpSync, does: "sync sponsorships", base: at.api, timeout: p.Config.Timeout},
		license: operation{name: OpLicense, does: "fetch the license", base: at.api, timeout: p.Config.Timeout},
	}
	token := operation{name: OpToken, does: "get a token", base: at.identity, timeout: p.Config.Timeout}
	c.syncToken = c.newTokenSource(token, id, scopeSync)
	c.licenseToken = c.newTokenSource(token, id, scopeLicense)
	return c
}

// Close drops idle connections. Calls under way are not affected.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func withDefaults(c Config) Config {
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.MaxResponseBytes = cmp.Or(c.MaxResponseBytes, 32<<20)
	c.OutagesToOpen = cmp.Or(c.OutagesToOpen, 3)
	c.ProbeAfter = cmp.Or(c.ProbeAfter, 15*time.Second)
	return c
}

func baseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("it is not an absolute https URL") // the text is left out: it may hold a password
	}
	return u, nil
}
