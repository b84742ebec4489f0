// Package access decides who may come in over HTTP: with the API token, with a
// browser session that began with it, or with the signature of a hook.
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
	HookSecrets []string // whsec_...; all are accepted, so that one can be rotated
	Now         func() time.Time
}

// Access is the judgment on a request. There are three ways: the API token as a
// bearer token, a session that was begun with the same token in a browser, and,
// for hooks alone, a Standard Webhooks signature. It is safe for concurrent use.
type Access struct {
	token   [sha256.Size]byte
	session []byte
	hooks   []*standardwebhooks.Webhook
	now     func() time.Time
	origins http.CrossOriginProtection
}

// New returns an Access. Sessions are signed with a key that is derived from
// the token: another token ends them all, and any number of processes with one
// token honor each other's.
func New(p Params) (*Access, error) {
	if p.Token == "" || p.Now == nil {
		return nil, errors.New("make access: the API token or the clock is missing")
	}
	key, err := hkdf.Key(sha256.New, []byte(p.Token), nil, "sponsorsync session v1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive session key: %w", err)
	}
	a := &Access{token: sha256.Sum256([]byte(p.Token)), session: key, now: p.Now}
	for i, secret := range p.HookSecrets {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, fmt.Errorf("read hook secret %d: not base64", i+1) // the cause quotes it
		}
		a.hooks = append(a.hooks, verifier)
	}
	return a, nil
}

// Knows compares in constant time; hashing first hides the length as well.
func (a *Access) Knows(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], a.token[:]) == 1
}

// Check lets a request in, or returns an unauthorized fault. A bearer token is
// decisive where there is one. A session counts only if the request does not
// come from another site's page: the browser attaches the cookie by itself.
func (a *Access) Check(r *http.Request) error {
	if given := r.Header.Get("Authorization"); given != "" {
		scheme, token, _ := strings.Cut(given, " ")
		if !strings.EqualFold(scheme, "Bearer") || !a.Knows(strings.TrimSpace(token)) {
			return fault.New(fault.Unauthorized, "the bearer token is not this server's API token")
		}
		return nil
	}
	if !a.hasSession(r) {
		return fault.New(fault.Unauthorized, "no API token was sent")
	}
	return a.CheckOrigin(r)
}

// CheckOrigin refuses a request that another site's page makes a browser send
// and that would change something.
func (a *Access) CheckOrigin(r *http.Request) error {
	if err := a.origins.Check(r); err != nil {
		return view.WithStatus(http.StatusForbidden, fault.Wrap(fault.Unauthorized, err, "the request comes from a page of another site"))
	}
	return nil
}
