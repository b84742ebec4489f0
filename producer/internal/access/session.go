package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// How long a browser stays signed in: a working day, and an hour without anybody at
// it. Who may only look has no such hour, so that a page can hang on a wall.
const (
	SessionLife = 12 * time.Hour
	SessionIdle = time.Hour
)

const (
	sessionCookie = "sponsorsync_session"
	sessionKey    = "sponsorsync:{sessions}:" // and the digest of the id: who reads Redis can use no session
	// touchEvery spares Redis a write at each click.
	touchEvery = time.Minute
	// shownID is how much of a session's digest a log holds: enough to tell sessions apart.
	shownID = 8
	// byItself marks the requests that a page sends without anybody at it.
	byItself = "X-Refresh"
)

// session is what Redis keeps. The proof binds it to the token that began it, by the
// id that only the browser has: another token ends it, neither the cookie alone nor
// Redis alone lets anybody try tokens, and who writes to Redis can make none up.
type session struct {
	Proof []byte    `json:"proof"`
	Ends  time.Time `json:"ends"`
	Seen  time.Time `json:"seen"`
}

func (p pass) proof(id string) []byte {
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write(p.token[:])
	return mac.Sum(nil)
}

func digestOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// SignIn begins the session of a browser that has shown a token, in place of the one
// that it had, and returns its cookie, which holds a random id and no more. Errors:
// unauthorized, too_many_requests, queue_unavailable.
func (a *Access) SignIn(r *http.Request, token string) (*http.Cookie, error) {
	p, err := a.judge(r, "sign-in", token)
	if err != nil {
		return nil, err
	}
	if err := a.SignOut(r); err != nil {
		return nil, err
	}
	id, now := rand.Text(), a.p.Now()
	text, err := json.Marshal(session{p.proof(id), now.Add(SessionLife), now})
	if err != nil {
		return nil, err
	}
	if err := a.p.Redis.Set(r.Context(), sessionKey+digestOf(id), text, SessionLife).Err(); err != nil {
		return nil, unavailable(err)
	}
	c := a.cookie(r, id)
	c.Expires, c.MaxAge = now.Add(SessionLife), int(SessionLife.Seconds())
	return c, nil
}

// SignOut ends the session that the browser has, for every process.
func (a *Access) SignOut(r *http.Request) error {
	c, err := r.Cookie(a.cookieName(r))
	if err != nil {
		return nil // there is none
	}
	if err := a.p.Redis.Del(r.Context(), sessionKey+digestOf(c.Value)).Err(); err != nil {
		return unavailable(err)
	}
	return nil
}

// DropCookie returns the cookie that makes the browser forget its session.
func (a *Access) DropCookie(r *http.Request) *http.Cookie {
	c := a.cookie(r, "")
	c.MaxAge = -1
	return c
}

func (a *Access) cookie(r *http.Request, value string) *http.Cookie {
	return &http.Cookie{
		Name: a.cookieName(r), Value: value, Path: a.p.Base + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: overTLS(r),
	}
}

// overTLS believes a proxy that says it was reached over TLS: at worst, a lie
// makes the browser keep the cookie from us.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// cookieName keeps neighbors, such as another host of the same domain, from setting
// the cookie where the browser can see to that.
func (a *Access) cookieName(r *http.Request) string {
	switch {
	case !overTLS(r):
		return sessionCookie
	case a.p.Base == "":
		return "__Host-" + sessionCookie
	}
	return "__Secure-" + sessionCookie
}

// strangeHeaders says what a hook may have taken for a signature.
func strangeHeaders(r *http.Request) string {
	if r.Header.Get("svix-signature") == "" {
		return ""
	}
	return "; a signature counts in the headers webhook-id, webhook-timestamp and webhook-signature, not in svix-*"
}

// session returns whose session the browser has. Errors: unauthorized if it has none or
// it has ended, queue_unavailable.
func (a *Access) session(r *http.Request) (Caller, error) {
	c, err := r.Cookie(a.cookieName(r))
	if err != nil {
		return Caller{}, fault.New(fault.Unauthorized, "no API token was sent%s", strangeHeaders(r))
	}
	name := digestOf(c.Value)
	text, err := a.p.Redis.Get(r.Context(), sessionKey+name).Bytes()
	if errors.Is(err, redis.Nil) {
		return Caller{}, ended()
	}
	if err != nil {
		return Caller{}, unavailable(err)
	}
	var s session
	if err := json.Unmarshal(text, &s); err != nil {
		return Caller{}, ended()
	}
	for _, p := range a.passes {
		if !hmac.Equal(s.Proof, p.proof(c.Value)) {
			continue
		}
		now := a.p.Now()
		if !now.Before(s.Ends) || !p.readOnly && now.Sub(s.Seen) >= SessionIdle {
			return Caller{}, ended()
		}
		who := Caller{"session " + name[:shownID] + " of the " + p.name, p.readOnly}
		return who, a.touch(r, sessionKey+name, s)
	}
	return Caller{}, ended()
}

// touch notes that somebody is there. A session that was ended meanwhile stays ended.
func (a *Access) touch(r *http.Request, key string, s session) error {
	now := a.p.Now()
	if r.Header.Get(byItself) != "" || r.Header.Get("Accept") == "text/event-stream" || now.Sub(s.Seen) < touchEvery {
		return nil
	}
	s.Seen = now
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	err = a.p.Redis.SetArgs(r.Context(), key, text, redis.SetArgs{Mode: "XX", KeepTTL: true}).Err()
	if errors.Is(err, redis.Nil) {
		return ended()
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

func ended() error {
	return fault.New(fault.Unauthorized, "this session has ended; sign in again")
}

func unavailable(err error) error {
	return fault.Unavailable(err, "look up who is signed in")
}

// onceKey is where a request's context keeps its judgment.
type onceKey struct{}

type once struct {
	who  Caller
	err  error
	done bool
}

// Once returns the request with room for the judgment on it, so that who sent it is
// found out once, however often it is asked.
func Once(r *http.Request) *http.Request {
	if r.Context().Value(onceKey{}) != nil {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), onceKey{}, &once{}))
}
