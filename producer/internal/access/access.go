// Package access decides who may come in over HTTP: with the API token, with the one
// that may only look, with a browser session that began with either, or with the
// signature of a hook.
//
// It is asked by the HTTP API and by the status page. It keeps sessions in Redis, never
// reads the ledger or the queue, and no error of it holds a token, a secret or a
// signature.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// Params are the secrets that let a request in, and what is needed to judge by them.
// Token, Redis and Now are required.
type Params struct {
	Token       string                // SPONSORSYNC_API_TOKEN
	ReadToken   string                // SPONSORSYNC_READ_TOKEN: may look, and change nothing; "" for none
	HookSecrets []string              // whsec_...; all are accepted, so that one can be rotated
	Redis       redis.UniversalClient // where sessions are
	Registry    prometheus.Registerer // of what was refused; nil counts nothing
	Log         zerolog.Logger
	Now         func() time.Time
	Base        string // in front of every address, for a proxy's sake; where the session's cookie goes
}

// Access is the judgment on a request. There are three ways: a token as a bearer
// token, a session that was begun with one in a browser, and, for hooks alone, a
// Standard Webhooks signature. It is safe for concurrent use.
type Access struct {
	p       Params
	passes  []pass
	hooks   []*standardwebhooks.Webhook
	guard   *guard
	refused *prometheus.CounterVec
	origins http.CrossOriginProtection
}

// pass is a token and what it opens.
type pass struct {
	name     string
	token    [sha256.Size]byte
	readOnly bool
}

// Caller is who sent a request, in words that a log may hold.
type Caller struct {
	Name     string // such as "API token" or "session K3JH6DQX of the API token"
	ReadOnly bool   // may look, and change nothing
}

// New returns an Access. Any number of processes with one token and one Redis honor
// each other's sessions; another token ends them all.
func New(p Params) (*Access, error) {
	if p.Token == "" || p.Now == nil || p.Redis == nil {
		return nil, errors.New("make access: the API token, Redis or the clock is missing")
	}
	if p.ReadToken == p.Token {
		return nil, errors.New("make access: SPONSORSYNC_READ_TOKEN is the API token; give the two different values")
	}
	a := &Access{p: p, guard: newGuard(), passes: []pass{{"API token", sha256.Sum256([]byte(p.Token)), false}}}
	if p.ReadToken != "" {
		a.passes = append(a.passes, pass{"read token", sha256.Sum256([]byte(p.ReadToken)), true})
	}
	for i, secret := range p.HookSecrets {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, fmt.Errorf("read hook secret %d: not base64", i+1) // the cause quotes it
		}
		a.hooks = append(a.hooks, verifier)
	}
	a.count()
	return a, nil
}

// count makes the metric, with each way in at nothing, which can be alerted on.
func (a *Access) count() {
	a.refused = prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sponsorsync", Name: "access_refused_total",
		Help: "Tokens and signatures that did not fit, by the way they came in; limited: tokens that were not looked at, after too many wrong ones."}, []string{"way"})
	for _, way := range []string{"bearer", "sign-in", "signature", "limited"} {
		a.refused.WithLabelValues(way)
	}
	if a.p.Registry != nil {
		a.p.Registry.MustRegister(a.refused)
	}
}

// judge says what a token opens. The way is "bearer" or "sign-in". Errors:
// unauthorized, too_many_requests.
func (a *Access) judge(r *http.Request, way, token string) (p pass, err error) {
	peer := peerOf(r)
	known, first, wait := a.guard.try(attempt{a.p.Now(), peer, sha256.Sum256([]byte(token))}, func() (known bool) {
		p, known = a.pass(token)
		return known
	})
	switch {
	case known:
		return p, nil
	case wait > 0:
		a.refused.WithLabelValues("limited").Inc()
		return pass{}, tooMany(wait)
	}
	a.refused.WithLabelValues(way).Inc()
	if first { // an attacker fills no disk
		a.p.Log.Warn().Str("way", way).Str("from", peer.Addr().String()).Msg("a wrong token was shown")
	}
	return pass{}, fault.New(fault.Unauthorized, "the token is not this server's API token")
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
// browser attaches the cookie by itself. Errors: unauthorized, too_many_requests,
// queue_unavailable.
func (a *Access) Caller(r *http.Request) (Caller, error) {
	memo, _ := r.Context().Value(onceKey{}).(*once)
	if memo != nil && memo.done {
		return memo.who, memo.err
	}
	who, err := a.Recheck(r)
	if memo != nil {
		*memo = once{who, err, true}
	}
	return who, err
}

// Recheck is Caller for a request that takes long, whose sender may have signed out
// meanwhile: it remembers nothing.
func (a *Access) Recheck(r *http.Request) (Caller, error) {
	given := r.Header.Get("Authorization")
	if given == "" {
		who, err := a.session(r)
		if err == nil {
			err = a.CheckOrigin(r)
		}
		return who, err
	}
	scheme, token, _ := strings.Cut(given, " ")
	if !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) > 1 { // a proxy may look at another
		return Caller{}, fault.New(fault.Unauthorized, "Authorization is not of the form Bearer TOKEN, once")
	}
	p, err := a.judge(r, "bearer", strings.TrimSpace(token))
	return Caller{p.name, p.readOnly}, err
}

// CheckOrigin refuses a request that another site's page makes a browser send
// and that would change something.
func (a *Access) CheckOrigin(r *http.Request) error {
	if err := a.origins.Check(r); err != nil {
		return view.WithStatus(http.StatusForbidden, fault.Wrap(fault.Unauthorized, err, "the request comes from a page of another site, or a proxy changes the Host header (nginx: proxy_set_header Host $http_host)"))
	}
	return nil
}
