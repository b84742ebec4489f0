package access_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
)

const (
	apiToken = "a-token-of-the-tests"
	secret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// The vector of the Standard Webhooks reference libraries, at its own time.
func TestReferenceVector(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Unix(1614265330, 0)
		time.Sleep(time.Until(at))
		header := http.Header{}
		header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
		header.Set("webhook-timestamp", "1614265330")
		header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
		body := []byte(`{"test": 2432232314}`)
		door := jobstest.Value(access.New(access.Params{Token: "t", HookSecrets: []string{secret}, Now: time.Now}))(t)
		jobstest.Must(t, door.CheckSignature(header, body))
		time.Sleep(5*time.Minute + time.Second)
		jobstest.Equal(t, "later", fault.CodeOf(door.CheckSignature(header, body)), fault.Unauthorized)
		without := jobstest.Value(access.New(access.Params{Token: "t", Now: time.Now}))(t)
		jobstest.Equal(t, "without a secret", fault.CodeOf(without.CheckSignature(header, body)), fault.Unauthorized)
	})
}

func TestSession(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	door := jobstest.Value(access.New(access.Params{Token: apiToken, Now: func() time.Time { return now }}))(t)
	login := httptest.NewRequest("POST", "http://example.com/login", nil)
	signIn := func(door *access.Access, token string) *http.Cookie {
		cookie, known := door.SignIn(login, token)
		jobstest.Equal(t, "knows the token", known, true)
		return cookie
	}
	cookie := signIn(door, apiToken)
	if strings.Contains(cookie.Value, apiToken) || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure {
		t.Errorf("got cookie %v", cookie)
	}
	login.Header.Set("X-Forwarded-Proto", "https")
	jobstest.Equal(t, "secure behind TLS", signIn(door, apiToken).Secure, true)

	check := func(method, cookieValue string, header ...string) error {
		r := httptest.NewRequest(method, "http://example.com/", nil)
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookieValue})
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return door.Check(r)
	}
	jobstest.Must(t, check("GET", cookie.Value))
	jobstest.Must(t, check("POST", cookie.Value, "Sec-Fetch-Site", "same-origin"))
	jobstest.Must(t, check("POST", cookie.Value, "Origin", "http://example.com"))
	other := jobstest.Value(access.New(access.Params{Token: "another", Now: func() time.Time { return now }}))(t)
	for name, err := range map[string]error{
		"cross-site":         check("POST", cookie.Value, "Sec-Fetch-Site", "cross-site"),
		"same site":          check("POST", cookie.Value, "Sec-Fetch-Site", "same-site"), // another port of this host
		"other origin":       check("POST", cookie.Value, "Origin", "http://evil.example"),
		"a later date":       check("GET", "9"+cookie.Value),
		"no signature":       check("GET", cookie.Value[:strings.LastIndexByte(cookie.Value, '.')]),
		"empty":              check("GET", ""),
		"another token's":    check("GET", signIn(other, "another").Value),
		"with a wrong token": check("GET", cookie.Value, "Authorization", "Bearer wrong"),
	} {
		jobstest.Equal(t, name, fault.CodeOf(err), fault.Unauthorized)
	}
	now = now.Add(access.SessionLife)
	jobstest.Equal(t, "expired", fault.CodeOf(check("GET", cookie.Value)), fault.Unauthorized)
}

func TestTheReadTokenMayLookAndChangeNothing(t *testing.T) {
	t.Parallel()
	door := jobstest.Value(access.New(access.Params{Token: apiToken, ReadToken: "eyes", Now: time.Now}))(t)
	cookie, known := door.SignIn(httptest.NewRequest("POST", "/login", nil), "eyes")
	jobstest.Equal(t, "signs in", known, true)
	for name, show := range map[string]func(*http.Request){
		"bearer":  func(r *http.Request) { r.Header.Set("Authorization", "Bearer eyes") },
		"session": func(r *http.Request) { r.AddCookie(cookie) },
	} {
		for method, want := range map[string]fault.Code{
			"GET": "", "HEAD": "", "POST": fault.Forbidden, "PUT": fault.Forbidden, "DELETE": fault.Forbidden, "PATCH": fault.Forbidden,
		} {
			r := httptest.NewRequest(method, "/", nil)
			show(r)
			jobstest.Equal(t, name+" "+method, fault.CodeOf(door.Check(r)), want)
		}
	}
	if _, known := door.SignIn(httptest.NewRequest("POST", "/login", nil), ""); known {
		t.Error("nothing is a token")
	}
	if _, err := access.New(access.Params{Token: "same", ReadToken: "same", Now: time.Now}); err == nil {
		t.Error("one token is both")
	}
}

// A log tells sessions apart and holds neither token nor cookie.
func TestACallerIsNamedWithoutASecret(t *testing.T) {
	t.Parallel()
	door := jobstest.Value(access.New(access.Params{Token: apiToken, Now: time.Now}))(t)
	r := httptest.NewRequest("POST", "/", nil)
	cookie, _ := door.SignIn(r, apiToken)
	r.AddCookie(cookie)
	who := jobstest.Value(door.Caller(r))(t)
	if !strings.HasPrefix(who.Name, "session ") || !strings.HasSuffix(who.Name, " of the API token") || strings.Contains(who.Name, cookie.Value) || who.ReadOnly {
		t.Errorf("got %+v", who)
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	jobstest.Equal(t, "bearer", jobstest.Value(door.Caller(r))(t), access.Caller{Name: "API token"})
}
