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
	cookie := door.NewSession(login)
	if strings.Contains(cookie.Value, apiToken) || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure {
		t.Errorf("got cookie %v", cookie)
	}
	login.Header.Set("X-Forwarded-Proto", "https")
	jobstest.Equal(t, "secure behind TLS", door.NewSession(login).Secure, true)

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
		"another token's":    check("GET", other.NewSession(login).Value),
		"with a wrong token": check("GET", cookie.Value, "Authorization", "Bearer wrong"),
	} {
		jobstest.Equal(t, name, fault.CodeOf(err), fault.Unauthorized)
	}
	now = now.Add(access.SessionLife)
	jobstest.Equal(t, "expired", fault.CodeOf(check("GET", cookie.Value)), fault.Unauthorized)
}
