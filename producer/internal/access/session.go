package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// SessionLife is how long a browser stays signed in: a working day.
const SessionLife = 12 * time.Hour

const sessionCookie = "sponsorsync_session"

// shownID is how much of a session's id a log holds: enough to tell sessions apart.
const shownID = 8

// SignIn returns the cookie of a browser that has shown a token, or false if the
// token is none of ours. The cookie holds a signed date, never the token. There is
// no list of sessions: signing out drops the cookie, and a new token ends all that
// began with the old one.
func (a *Access) SignIn(r *http.Request, token string) (*http.Cookie, bool) {
	p, known := a.pass(token)
	if !known {
		return nil, false
	}
	expires := a.now().Add(SessionLife)
	stamp := strconv.FormatInt(expires.Unix(), 10) + "." + rand.Text()
	c := a.cookie(r, stamp+"."+p.sign(stamp))
	c.Expires, c.MaxAge = expires, int(SessionLife.Seconds())
	return c, true
}

// EndSession returns the cookie that makes the browser drop the session's.
func (a *Access) EndSession(r *http.Request) *http.Cookie {
	c := a.cookie(r, "")
	c.MaxAge = -1
	return c
}

// cookie believes a proxy that says it was reached over TLS: at worst, a lie
// makes the browser keep the cookie from us.
func (a *Access) cookie(r *http.Request, value string) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: a.base + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	}
}

// session returns whose session the browser has, or false if it has none.
func (a *Access) session(r *http.Request) (Caller, bool) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return Caller{}, false
	}
	i := strings.LastIndexByte(c.Value, '.')
	if i < 0 {
		return Caller{}, false
	}
	stamp, signature := c.Value[:i], c.Value[i+1:]
	for _, p := range a.passes {
		if !hmac.Equal([]byte(signature), []byte(p.sign(stamp))) {
			continue
		}
		date, id, _ := strings.Cut(stamp, ".")
		seconds, err := strconv.ParseInt(date, 10, 64)
		name := "session " + id[:min(len(id), shownID)] + " of the " + p.name
		return Caller{name, p.readOnly}, err == nil && a.now().Before(time.Unix(seconds, 0))
	}
	return Caller{}, false
}

func (p pass) sign(stamp string) string {
	mac := hmac.New(sha256.New, p.session)
	mac.Write([]byte(stamp))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
