package access_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
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
		door := jobstest.Value(access.New(access.Params{Token: "t", HookSecrets: []string{secret}, Redis: unused(), Now: time.Now}))(t)
		jobstest.Must(t, door.CheckSignature(header, body))
		time.Sleep(5*time.Minute + time.Second)
		jobstest.Equal(t, "later", fault.CodeOf(door.CheckSignature(header, body)), fault.Unauthorized)
		without := jobstest.Value(access.New(access.Params{Token: "t", Redis: unused(), Now: time.Now}))(t)
		jobstest.Equal(t, "without a secret", fault.CodeOf(without.CheckSignature(header, body)), fault.Unauthorized)
	})
}

// unused is a client that is never asked.
func unused() redis.UniversalClient { return redis.NewClient(&redis.Options{}) }

// store is a Redis of the test's own.
func store(t *testing.T) redis.UniversalClient {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	rdb := jobstest.Value(enqueue.NewRedis(stack.RedisURL()))(t)
	t.Cleanup(func() { jobstest.Must(t, errors.Join(rdb.Close(), stack.Close())) })
	return rdb
}

// clock is the time of a test.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func request(method string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "http://example.com/", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func bearer(token, from string, header ...string) *http.Request {
	r := request("GET", append(header, "Authorization", "Bearer "+token)...)
	r.RemoteAddr = from + ":4711"
	return r
}

func codeOf(t *testing.T, door *access.Access, r *http.Request) fault.Code {
	t.Helper()
	return fault.CodeOf(door.Check(r))
}

func TestTheReadTokenMayLookAndChangeNothing(t *testing.T) {
	t.Parallel()
	door := jobstest.Value(access.New(access.Params{Token: apiToken, ReadToken: "eyes", Redis: store(t), Now: time.Now}))(t)
	cookie := jobstest.Value(door.SignIn(request("POST"), "eyes"))(t)
	for name, show := range map[string]func(*http.Request){
		"bearer":  func(r *http.Request) { r.Header.Set("Authorization", "Bearer eyes") },
		"session": func(r *http.Request) { r.AddCookie(cookie) },
	} {
		for method, want := range map[string]fault.Code{
			"GET": "", "HEAD": "", "POST": fault.Forbidden, "PUT": fault.Forbidden, "DELETE": fault.Forbidden, "PATCH": fault.Forbidden,
		} {
			r := request(method)
			show(r)
			jobstest.Equal(t, name+" "+method, codeOf(t, door, r), want)
		}
	}
	_, err := door.SignIn(request("POST"), "")
	jobstest.Equal(t, "nothing is no token", fault.CodeOf(err), fault.Unauthorized)
	if _, err := access.New(access.Params{Token: "same", ReadToken: "same", Redis: unused(), Now: time.Now}); err == nil {
		t.Error("one token is both")
	}
}

// A log tells sessions apart and holds neither token nor cookie.
func TestACallerIsNamedWithoutASecret(t *testing.T) {
	t.Parallel()
	door := jobstest.Value(access.New(access.Params{Token: apiToken, Redis: store(t), Now: time.Now}))(t)
	r := request("POST")
	cookie := jobstest.Value(door.SignIn(r, apiToken))(t)
	r.AddCookie(cookie)
	who := jobstest.Value(door.Caller(r))(t)
	id := strings.TrimSuffix(strings.TrimPrefix(who.Name, "session "), " of the API token")
	if len(id) != 8 || strings.Contains(cookie.Value, strings.ToUpper(id)) || who.ReadOnly {
		t.Errorf("got %+v", who)
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	jobstest.Equal(t, "bearer", jobstest.Value(door.Caller(r))(t), access.Caller{Name: "API token"})
}

// What is refused says what may have been meant.
func TestARefusalNamesTheLikelyMistake(t *testing.T) {
	t.Parallel()
	door := jobstest.Value(access.New(access.Params{Token: apiToken, HookSecrets: []string{secret}, Redis: unused(), Now: time.Now}))(t)
	r := httptest.NewRequest(http.MethodPost, "http://sponsorsync.example/v1/jobs", nil)
	r.Header.Set("svix-signature", "v1,AAAA")
	if _, err := door.Caller(r); !strings.Contains(fmt.Sprint(err), "webhook-signature") {
		t.Errorf("headers of svix: %v", err)
	}
	r.Header.Set("Origin", "http://sponsorsync.example:8080") // as a proxy's default Host makes of it
	if err := door.CheckOrigin(r); !strings.Contains(fmt.Sprint(err), "proxy_set_header Host") {
		t.Errorf("another host: %v", err)
	}
}
