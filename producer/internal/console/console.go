package console

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/history"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

//go:embed pages static
var files embed.FS

// policy allows our own files and nothing inline. (img-src is for the icon.)
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Params are what a console is made of. All fields but Log, Names and Base are required.
type Params struct {
	Ledger   *state.Ledger
	Jobs     *enqueue.Client
	Access   *access.Access
	History  *history.Reader
	Health   func(context.Context) health.Report
	Position func() (uint64, bool) // where an event stream must begin to miss nothing; false if unknown
	Now      func() time.Time
	Log      zerolog.Logger
	// Names reads the names that the server's own database has, on demand; nil where this
	// process does not follow it.
	Names func(context.Context, sponsorship.ID) bridge.Names
	Base  string // in front of every address, for a proxy's sake; such as "/sponsorsync"
}

// Console is the status page. It is safe for concurrent use.
type Console struct {
	p         Params
	inspector *enqueue.Inspector
	system    enqueue.System
	pages     pages
	cache     nameCache
}

// New returns a console. An error means that a page was built wrongly, or that
// a part is missing.
func New(p Params) (*Console, error) {
	if p.Ledger == nil || p.Jobs == nil || p.Access == nil || p.History == nil || p.Health == nil || p.Position == nil || p.Now == nil {
		return nil, errors.New("make status page: a part is missing; all but Log, Names and Base are required")
	}
	c := &Console{p: p, inspector: enqueue.NewInspector(p.Jobs), system: enqueue.NewSystem(p.Jobs)}
	var err error
	c.pages, err = parsePages(c)
	return c, err
}

// Register adds the console's routes to a mux.
func (c *Console) Register(mux *http.ServeMux) {
	for pattern, show := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":                                 c.overview,
		"POST /connect":                            c.connect,
		"POST /jobs/{id}/retry":                    c.retry,
		"POST /jobs/{id}/delete":                   c.drop,
		"GET /organizations/{org}":                 c.organization,
		"POST /organizations/{org}/sync":           c.sync,
		"POST /organizations/{org}/sync-license":   c.syncLicense,
		"POST /organizations/{org}/pause":          c.pause,
		"POST /organizations/{org}/resume":         c.resume,
		"GET /organizations/{org}/members/{user}":  c.sponsorship,
		"POST /organizations/{org}/members/{user}": c.change,
	} {
		mux.HandleFunc(pattern, c.page(show))
	}
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { c.goTo(w, r, "/") })
	mux.HandleFunc("POST /login", c.login)
	mux.HandleFunc("POST /logout", c.logout)
	mux.Handle("GET /static/", secure(static()))
}

// goTo sends the browser on to an address of ours.
func (c *Console) goTo(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, c.p.Base+path, http.StatusSeeOther)
}

// Lost answers a browser that asks for an address that is not there, or returns false:
// a program is told otherwise.
func (c *Console) Lost(w http.ResponseWriter, r *http.Request, p view.Problem) bool {
	if strings.HasPrefix(r.URL.Path, "/v1/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Hint = "Start at the list of organizations."
		c.render(w, r, answer{p.Status, "problem", p})
	})).ServeHTTP(w, r)
	return true
}

// static needs no session: the sign-in page is styled, too.
func static() http.Handler {
	only, _ := fs.Sub(files, "static") // fails only for an invalid path
	server := http.StripPrefix("/static/", http.FileServerFS(only))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache") // a new version is seen at once
		server.ServeHTTP(w, r)
	})
}

// secure sets the headers that keep a page to itself. The referrer stays on for
// this site: without one, browsers send no usable Origin with a form.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, access.Once(r))
	})
}

// page shows the sign-in form to whoever has not signed in, in the page's place.
func (c *Console) page(show func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.p.Access.Check(r); err != nil {
			c.refuse(w, r, err)
			return
		}
		if err := show(w, r); err != nil {
			c.fail(w, r, err)
		}
	})).ServeHTTP
}

// refuse asks for the token, but does not send a form's contents through the
// sign-in: whoever pressed a button after the session's end presses it again.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if p := view.ProblemOf(err); p.Status != http.StatusUnauthorized {
		c.fail(w, r, err)
		return
	}
	next := "/"
	if r.Method == http.MethodGet {
		next = r.URL.RequestURI()
	}
	c.askToken(w, r, signIn{Next: next})
}

// fail shows a problem as a page, with the hint of its code.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := view.ProblemOf(err)
	if p.Status >= http.StatusInternalServerError && context.Cause(r.Context()) == nil {
		c.p.Log.Error().Err(err).Str("route", r.Pattern).Msg("page failed")
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", view.Seconds(p.RetryAfter))
	}
	c.render(w, r, answer{p.Status, "problem", p})
}
