package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxForm = 8 << 10 // bytes
	// failureDelay is the answer time of a wrong token, and failuresAtOnce how
	// many may wait for theirs; more are turned away. A right token never waits,
	// so nobody can lock anybody out.
	failureDelay   = time.Second
	failuresAtOnce = 4
)

// gate slows guessing down.
type gate chan struct{}

func newGate() gate { return make(gate, failuresAtOnce) }

// hold waits, or returns false at once when too many wait already.
func (g gate) hold(ctx context.Context) bool {
	select {
	case g <- struct{}{}:
		defer func() { <-g }()
	default:
		return false
	}
	select {
	case <-time.After(failureDelay):
	case <-ctx.Done():
	}
	return true
}

// signIn is the content of the sign-in page.
type signIn struct {
	Next  string // where to go on; a path of ours
	Fault string
}

func (c *Console) askToken(w http.ResponseWriter, r *http.Request, s signIn) {
	c.render(w, r, answer{http.StatusUnauthorized, "signin", s})
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	secure(http.HandlerFunc(c.signIn)).ServeHTTP(w, r)
}

// signIn begins a session. A form on another site must not be able to, or it
// could sign somebody in under an account that is not theirs.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	if err := c.p.Access.CheckOrigin(r); err != nil {
		c.fail(w, r, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	next := ours(r.PostFormValue("next"))
	session, known := c.p.Access.SignIn(r, strings.TrimSpace(r.PostFormValue("token")))
	if !known {
		if !c.gate.hold(r.Context()) {
			w.Header().Set("Retry-After", "1")
			c.render(w, r, answer{http.StatusTooManyRequests, "signin", signIn{next, "Too many attempts at once. Try again in a second."}})
			return
		}
		c.p.Log.Warn().Msg("sign-in with a wrong token")
		c.askToken(w, r, signIn{next, "That is not the API token. It is the value of SPONSORSYNC_API_TOKEN on this server, or of SPONSORSYNC_READ_TOKEN for who only looks."})
		return
	}
	http.SetCookie(w, session)
	c.goTo(w, r, next)
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.p.Access.CheckOrigin(r); err != nil {
			c.fail(w, r, err)
			return
		}
		http.SetCookie(w, c.p.Access.EndSession(r))
		c.goTo(w, r, "/")
	})).ServeHTTP(w, r)
}

// ours returns the path if it is one of this site, or else the first page. A
// browser reads "//host" and "/\host" as another site.
func ours(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}
