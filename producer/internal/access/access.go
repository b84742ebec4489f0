// Package access decides who may come in over HTTP: with the API token, with the one
// that may only look, with a browser session that began with either, or with the
// signature of a hook.
//
// It is asked by the HTTP API and by the status page. It never reads the ledger
// or the queue, and no error of it holds a token, a secret or a signature.
package access

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// Params are the secrets that let a request in. Token and Now are required.
type Params struct {
	Token       string   // SPONSORSYNC_API_TOKEN
	ReadToken   string   // SPONSORSYNC_READ_TOKEN: may look, and change nothing; "" for none
	HookSecrets []string // whsec_...; all are accepted, so that one can be rotated
	Now         func() time.Time
	Base        string // in front of every address, for a proxy's sake; where the session's cookie goes
}

// Access is the judgment on a request. There are three ways: a token as a bearer
// token, a session that was begun with one in a browser, and, for hooks alone, a
// Standard Webhooks signature. It is safe for concurrent use.
type Access struct {
	passes  []pass
	hooks   []*standardwebhooks.Webhook
	now     func() time.Time
	base    string
	origins http.CrossOriginProtection
}

// pass is a token and what it opens.
type pass struct {
	name     string
	token    [sha256.Size]byte
	session  []byte // signs the sessions that begin with it
	readOnly bool
}

// Caller is who sent a request, in words that a log may hold.
type Caller struct {
	Name     string // such as "API token" or "session K3JH6DQX of the API token"
	ReadOnly bool   // may look, and change nothing
}

// New returns an Access. Sessions are signed with a key that is derived from
// the token: another token ends them all, and any number of processes with one
// token honor each other's.
func New(p Params) (*Access, error) {
	if p.Token == "" || p.Now == nil {
		return nil, errors.New("make access: the API token or the clock is missing")
	}
	if p.ReadToken == p.Token {
		return nil, errors.New("make access: SPONSORSYNC_READ_TOKEN is the API token; give the two different values")
	}
	a := &Access{now: p.Now, base: p.Base}
	for _, of := range []struct {
		name, token string
		readOnly    bool
	}{{"API token", p.Token, false}, {"read token", p.ReadToken, true}} {
		if of.token == "" {
			continue
		}
		key, err := hkdf.Key(sha256.New, []byte(of.token), nil, "sponsorsync session v1", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive session key: %w", err)
		}
		a.passes = append(a.passes, pass{of.name, sha256.Sum256([]byte(of.token)), key, of.readOnly})
	}
	for i, secret := range p.HookSecrets {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, fmt.Errorf("read hook secret %d: not base64", i+1) // the cause quotes it
		}
		a.hooks = append(a.hooks, verifier)
	}
	return a, nil
}

// pass finds the token's in constant time; hashing first hides the length as well.
func (a *Access) pass(token string) (found pass, known bool) {
	sum := sha256.Sum256([]byte(token))
	for _, p := range a.passes {
		if subtle.ConstantTimeCompare(sum[:], p.token[:]) == 1 {
			found, known = p, true
		}
	}
	return found, known
}

// Check lets a request in, or returns an unauthorized fault; a forbidden one where
// who may only look would change something. Any method but GET and HEAD does.
func (a *Access) Check(r *http.Request) error {
	who, err := a.Caller(r)
	if err == nil && who.ReadOnly && r.Method != http.MethodGet && r.Method != http.MethodHead {
		err = fault.New(fault.Forbidden, "the %s may look and change nothing", who.Name)
	}
	return err
}

// Caller says who sent a request. A bearer token is decisive where there is one. A
// session counts only if the request does not come from another site's page: the
// browser attaches the cookie by itself.
func (a *Access) Caller(r *http.Request) (Caller, error) {
	if given := r.Header.Get("Authorization"); given != "" {
		scheme, token, _ := strings.Cut(given, " ")
		p, known := a.pass(strings.TrimSpace(token))
		if !strings.EqualFold(scheme, "Bearer") || !known {
			return Caller{}, fault.New(fault.Unauthorized, "the bearer token is not this server's API token")
		}
		return Caller{p.name, p.readOnly}, nil
	}
	who, signedIn := a.session(r)
	if !signedIn {
		return Caller{}, fault.New(fault.Unauthorized, "no API token was sent")
	}
	return who, a.CheckOrigin(r)
}

// CheckOrigin refuses a request that another site's page makes a browser send
// and that would change something.
func (a *Access) CheckOrigin(r *http.Request) error {
	if err := a.origins.Check(r); err != nil {
		return view.WithStatus(http.StatusForbidden, fault.Wrap(fault.Unauthorized, err, "the request comes from a page of another site"))
	}
	return nil
}
