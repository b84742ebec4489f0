package access_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// guarded is an Access without Redis, which bearers do not need.
func guarded(t *testing.T, now *clock) *access.Access {
	t.Helper()
	return jobstest.Value(access.New(access.Params{Token: apiToken, Redis: unused(), Now: now.now}))(t)
}

func guesses(t *testing.T, door *access.Access, n int, from string, header ...string) (codes map[fault.Code]int) {
	t.Helper()
	codes = map[fault.Code]int{}
	for i := range n {
		codes[codeOf(t, door, bearer(fmt.Sprintf("guess %s %v %d", from, header, i), from, header...))]++
	}
	return codes
}

func TestAnAddressMayGuessTenTimesAMinute(t *testing.T) {
	t.Parallel()
	now := newClock()
	door := guarded(t, now)
	got := guesses(t, door, 25, "192.0.2.1")
	jobstest.Equal(t, "answered", got[fault.Unauthorized], 10)
	jobstest.Equal(t, "turned away", got[fault.TooManyRequests], 15)
	jobstest.Equal(t, "the right one tells nothing now", codeOf(t, door, bearer(apiToken, "192.0.2.1")), fault.TooManyRequests)
	jobstest.Equal(t, "another address", codeOf(t, door, bearer(apiToken, "192.0.2.2")), "")
	_, err := door.SignIn(request("POST", "X-Forwarded-For", "192.0.2.1"), apiToken) // of a stranger, who is no proxy
	jobstest.Equal(t, "the sign-in page counts with it", fault.CodeOf(err), fault.TooManyRequests)
	now.pass(20 * time.Second)
	jobstest.Equal(t, "ask again in", view.ProblemOf(door.Check(bearer(apiToken, "192.0.2.1"))).RetryAfter, 40*time.Second)
	now.pass(40 * time.Second)
	jobstest.Equal(t, "a minute later", codeOf(t, door, bearer(apiToken, "192.0.2.1")), "")
}

// Programs that still have yesterday's token ask all day long.
func TestAnOldTokenLocksNobodyOut(t *testing.T) {
	t.Parallel()
	door := guarded(t, newClock())
	for range 50 {
		jobstest.Equal(t, "old", codeOf(t, door, bearer("yesterday's", "192.0.2.1")), fault.Unauthorized)
	}
	jobstest.Equal(t, "new", codeOf(t, door, bearer(apiToken, "192.0.2.1")), "")
}

// With many addresses nobody gets further than all may, and who was here before stays in.
func TestManyAddressesLockNobodyOutWhoWasHere(t *testing.T) {
	t.Parallel()
	now := newClock()
	door := guarded(t, now)
	jobstest.Equal(t, "admin", codeOf(t, door, bearer(apiToken, "192.0.2.1")), "")
	answered := 0
	for i := range 100 {
		answered += guesses(t, door, 10, fmt.Sprintf("198.51.100.%d", i))[fault.Unauthorized]
	}
	jobstest.Equal(t, "answered", answered, 300)
	jobstest.Equal(t, "a new address waits", codeOf(t, door, bearer(apiToken, "192.0.2.9")), fault.TooManyRequests)
	jobstest.Equal(t, "admin", codeOf(t, door, bearer(apiToken, "192.0.2.1")), "")
	got := guesses(t, door, 20, "192.0.2.1") // the attacker sits behind the admin's proxy
	jobstest.Equal(t, "neighbor", got[fault.TooManyRequests], 10)
	jobstest.Equal(t, "admin", codeOf(t, door, bearer(apiToken, "192.0.2.1")), "")
	now.pass(25 * time.Hour)
	guesses(t, door, 10, "192.0.2.1")
	jobstest.Equal(t, "a day later", codeOf(t, door, bearer(apiToken, "192.0.2.1")), fault.TooManyRequests)
}

func TestWhoseAddressCounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ guess, other *http.Request }{
		"clients of a proxy here":       {bearer("x", "127.0.0.1", "X-Forwarded-For", "192.0.2.1"), bearer(apiToken, "127.0.0.1", "X-Forwarded-For", "192.0.2.2")},
		"of one in a container":         {bearer("x", "172.18.0.1", "X-Forwarded-For", "192.0.2.1"), bearer(apiToken, "172.18.0.1", "X-Forwarded-For", "192.0.2.2")},
		"what clients make up in front": {bearer("x", "127.0.0.1", "X-Forwarded-For", "192.0.2.2, 192.0.2.1"), bearer(apiToken, "127.0.0.1", "X-Forwarded-For", "192.0.2.2")},
		"strangers are no proxies":      {bearer("x", "192.0.2.1", "X-Forwarded-For", "192.0.2.2"), bearer(apiToken, "192.0.2.2")},
		"households":                    {bearer("x", "[2001:db8:0:1::1]"), bearer(apiToken, "[2001:db8:0:2::1]")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			door := guarded(t, newClock())
			for i := range 10 {
				c.guess.Header.Set("Authorization", fmt.Sprintf("Bearer guess %d", i))
				jobstest.Equal(t, "guess", codeOf(t, door, c.guess), fault.Unauthorized)
			}
			jobstest.Equal(t, "other", codeOf(t, door, c.other), "")
			c.guess.Header.Set("Authorization", "Bearer "+apiToken)
			jobstest.Equal(t, "the same", codeOf(t, door, c.guess), fault.TooManyRequests)
		})
	}
	door := guarded(t, newClock())
	guesses(t, door, 10, "[2001:db8::1]")
	jobstest.Equal(t, "addresses of one network", codeOf(t, door, bearer(apiToken, "[2001:db8::2]")), fault.TooManyRequests)
}

func TestWhatWasRefusedIsCountedAndLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	door := jobstest.Value(access.New(access.Params{Token: apiToken, Redis: unused(), Registry: registry, Log: zerolog.New(&log), Now: newClock().now}))(t)
	guesses(t, door, 12, "192.0.2.1")
	_, err := door.SignIn(request("POST"), "wrong")
	jobstest.Equal(t, "sign-in", fault.CodeOf(err), fault.TooManyRequests)
	_ = door.CheckSignature(http.Header{}, nil)
	counted := map[string]float64{}
	for _, m := range jobstest.Value(registry.Gather())(t)[0].GetMetric() {
		counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	if want := map[string]float64{"bearer": 10, "limited": 3, "sign-in": 0, "signature": 1}; !maps.Equal(counted, want) {
		t.Errorf("got %v, want %v", counted, want)
	}
	jobstest.Equal(t, "lines", strings.Count(log.String(), "\n"), 1)
	if !strings.Contains(log.String(), `"from":"192.0.2.1"`) || strings.Contains(log.String(), "guess") {
		t.Errorf("got %s", log.String())
	}
}
