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

// NewSession returns the cookie of a browser that has shown the API token. It
// holds a signed date, never the token. There is no list of sessions: signing
// out drops the cookie, and a new API token ends all at once.
func (a *Access) NewSession(r *http.Request) *http.Cookie {
	expires := a.now().Add(SessionLife)
	stamp := strconv.FormatInt(expires.Unix(), 10) + "." + rand.Text()
	c := cookie(r, stamp+"."+a.sign(stamp))
	c.Expires, c.MaxAge = expires, int(SessionLife.Seconds())
	return c
}

// EndSession returns the cookie that makes the browser drop the session's.
func (a *Access) EndSession(r *http.Request) *http.Cookie {
	c := cookie(r, "")
	c.MaxAge = -1
	return c
}

// cookie believes a proxy that says it was reached over TLS: at worst, a lie
// makes the browser keep the cookie from us.
func cookie(r *http.Request, value string) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	}
}

func (a *Access) hasSession(r *http.Request) bool {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	i := strings.LastIndexByte(c.Value, '.')
	if i < 0 || !hmac.Equal([]byte(c.Value[i+1:]), []byte(a.sign(c.Value[:i]))) {
		return false
	}
	date, _, _ := strings.Cut(c.Value, ".")
	seconds, err := strconv.ParseInt(date, 10, 64)
	return err == nil && a.now().Before(time.Unix(seconds, 0))
}

func (a *Access) sign(stamp string) string {
	mac := hmac.New(sha256.New, a.session)
	mac.Write([]byte(stamp))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
