package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const maxForm = 8 << 10 // bytes

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
	session, err := c.p.Access.SignIn(r, strings.TrimSpace(r.PostFormValue("token")))
	switch p := view.ProblemOf(err); {
	case err == nil:
		http.SetCookie(w, session)
		c.goTo(w, r, next)
	case p.Code == fault.TooManyRequests:
		w.Header().Set("Retry-After", view.Seconds(p.RetryAfter))
		c.render(w, r, answer{p.Status, "signin", signIn{next, "Too many wrong tokens came from your address, or from all together. Try again in " +
			view.Seconds(p.RetryAfter) + " seconds. The commands on the server itself need no token."}})
	case p.Code == fault.Unauthorized:
		c.askToken(w, r, signIn{next, "That is not the API token. It is the value of SPONSORSYNC_API_TOKEN on this server, or of SPONSORSYNC_READ_TOKEN for who only looks."})
	default:
		c.fail(w, r, err)
	}
}

// logout ends the session here and, even where Redis cannot be told, in the browser.
func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := c.p.Access.CheckOrigin(r)
		if err == nil {
			err = c.p.Access.SignOut(r)
			http.SetCookie(w, c.p.Access.DropCookie(r))
		}
		if err != nil {
			c.fail(w, r, err)
			return
		}
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
