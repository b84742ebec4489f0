package cloudtest

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"time"
)

// Limits are requests per caller address in fixed windows; 0 is no limit.
type Limits struct {
	PostPerMinute  int `json:"postPerMinute"`  // any POST to the API
	PostPerSecond  int `json:"postPerSecond"`  // any POST to the API
	GetPerMinute   int `json:"getPerMinute"`   // any GET to the API
	TokenPerMinute int `json:"tokenPerMinute"` // token requests
	TokenPerSecond int `json:"tokenPerSecond"` // token requests
}

// DefaultLimits are those of the published configuration (PROTOCOL.md 1.4, 2.7).
func DefaultLimits() Limits {
	return Limits{PostPerMinute: 60, PostPerSecond: 5, GetPerMinute: 200, TokenPerMinute: 10, TokenPerSecond: 5}
}

type rule struct {
	name   string // also the period as the answer words it
	period time.Duration
	limit  int
}

func second(limit int) rule { return rule{name: "1s", period: time.Second, limit: limit} }

func minute(limit int) rule { return rule{name: "1m", period: time.Minute, limit: limit} }

// rules that apply to a request, shortest period first as the middleware sorts
// them: a request blocked by the second does not count towards the minute.
func (l Limits) rules(r Request) (group string, rules []rule) {
	switch {
	case r.Path == PathToken && r.Method == http.MethodPost:
		return "token", []rule{second(l.TokenPerSecond), minute(l.TokenPerMinute)}
	case r.Method == http.MethodPost:
		return "post", []rule{second(l.PostPerSecond), minute(l.PostPerMinute)}
	case r.Method == http.MethodGet:
		return "get", []rule{minute(l.GetPerMinute)}
	}
	return "", nil
}

type window struct {
	start time.Time
	count int
}

// limiter holds the windows by caller, group and period. A window begins with
// its first request.
type limiter map[string]window

// hit counts a request; when it is one too many it returns how long to wait.
func (l limiter) hit(key string, r rule, now time.Time) (wait time.Duration, blocked bool) {
	if r.limit <= 0 {
		return 0, false
	}
	w := l[key+r.name]
	if !now.Before(w.start.Add(r.period)) {
		w = window{start: now}
	}
	w.count++
	l[key+r.name] = w
	return w.start.Add(r.period).Sub(now), w.count > r.limit
}

// SetLimits replaces the limits and forgets what was counted.
func (c *Cloud) SetLimits(limits Limits) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limits = limits
	clear(c.limiter)
}

func (c *Cloud) limit(ex *exchange) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	group, rules := c.limits.rules(ex.entry)
	for _, r := range rules {
		if wait, blocked := c.limiter.hit(caller(ex.request)+" "+group+" ", r, c.now()); blocked {
			c.ledger.stats.RateLimited++
			return slowDown(r.name, wait), true
		}
	}
	return answer{}, false
}

func slowDown(period string, wait time.Duration) answer {
	a := errorAnswer(&APIError{
		Status:  http.StatusTooManyRequests,
		Message: "Slow down! Too many requests. Try again in " + period + ".",
	})
	a.header.Set("Retry-After", fmt.Sprintf("%.0f", math.Max(wait.Seconds(), 1)))
	return a
}

func caller(r *http.Request) string {
	if address := r.Header.Get("X-Connecting-IP"); address != "" {
		return address
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
