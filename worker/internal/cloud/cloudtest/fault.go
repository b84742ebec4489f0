package cloudtest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PathAny makes a fault apply to every endpoint.
const PathAny = "*"

// Fault is a queued misbehaviour. Make one with a constructor such as
// [LostAnswer], narrow it with On, For and Times, and queue it with Inject. It
// takes hold of a request after rate limits, hook and gates.
type Fault struct {
	Path           string             // PathSync when empty; a trailing slash makes it a prefix; PathAny
	OrganizationID string             // empty: any
	Match          func(Request) bool // nil: any
	Skip           int                // let this many matching requests pass first
	Count          int                // how many requests it hits; 0 is 1, negative is for ever

	AfterEffect bool            // the request is carried out first, then its answer is replaced
	Delay       time.Duration   // wait before going on
	Until       <-chan struct{} // wait until closed before going on
	Cut         bool            // reset the connection
	Status      int             // answer this instead; 0 with no Cut goes on as usual
	Header      http.Header
	Body        []byte
}

// On restricts the fault to a path; the default is PathSync.
func (f Fault) On(path string) Fault { f.Path = path; return f }

// For restricts the fault to one organisation by its cloud id.
func (f Fault) For(organizationID string) Fault { f.OrganizationID = organizationID; return f }

// Times sets how many requests the fault hits; negative is for ever.
func (f Fault) Times(n int) Fault { f.Count = n; return f }

// After lets n matching requests pass before the fault begins.
func (f Fault) After(n int) Fault { f.Skip = n; return f }

// When restricts the fault by a predicate, which must not call the cloud.
func (f Fault) When(match func(Request) bool) Fault { f.Match = match; return f }

// Inject queues a fault. A request is hit by the first queued fault that
// matches, and only by that one.
func (c *Cloud) Inject(f Fault) {
	if f.Path == "" {
		f.Path = PathSync
	}
	if f.Count == 0 {
		f.Count = 1
	}
	f.OrganizationID = strings.ToLower(f.OrganizationID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// ClearFaults drops all queued faults.
func (c *Cloud) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// takeFault finds the fault for a request and uses it up by one.
func (c *Cloud) takeFault(r Request) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.faults {
		if !f.matches(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		taken := *f
		if f.Count > 0 {
			f.Count--
		}
		if f.Count == 0 {
			c.faults = slices.Delete(c.faults, i, i+1)
		}
		return &taken
	}
	return nil
}

func (f *Fault) matches(r Request) bool {
	onPath := f.Path == PathAny || f.Path == r.Path ||
		strings.HasSuffix(f.Path, "/") && strings.HasPrefix(r.Path, f.Path)
	ofOrg := f.OrganizationID == "" || f.OrganizationID == r.OrganizationID
	return onPath && ofOrg && (f.Match == nil || f.Match(r.clone()))
}

// apply waits, then gives the answer that the fault puts in place of the real
// one; final is false when the request goes on as if nothing had happened.
func (f *Fault) apply(ctx context.Context) (a answer, final bool) {
	if !f.wait(ctx) {
		return answer{cut: true}, true
	}
	if f.Cut {
		return answer{cut: true}, true
	}
	return answer{status: f.Status, header: f.Header.Clone(), body: f.Body}, f.Status != 0
}

func (f *Fault) wait(ctx context.Context) bool {
	if f.Delay > 0 {
		Sleep(ctx, f.Delay)
	}
	if f.Until != nil {
		select {
		case <-f.Until:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

func fromAnswer(a answer) Fault { return Fault{Status: a.status, Header: a.header, Body: a.body} }

// RateLimited is a 429; retryAfter is seconds or an HTTP date, empty for none.
func RateLimited(retryAfter string) Fault {
	f := fromAnswer(slowDown("1m", time.Minute))
	f.Header.Del("Retry-After")
	if retryAfter != "" {
		f.Header.Set("Retry-After", retryAfter)
	}
	return f
}

// RateLimitedFor is RateLimited in whole seconds.
func RateLimitedFor(seconds int) Fault { return RateLimited(strconv.Itoa(seconds)) }

// ServerError is the 500 that any unexpected exception ends in.
func ServerError() Fault { return fromAnswer(errorAnswer(unhandled())) }

// BadGateway is a 502 with the HTML page of a proxy.
func BadGateway() Fault {
	return html(http.StatusBadGateway, "<html><head><title>502 Bad Gateway</title></head><body>cloud</body></html>")
}

// Unavailable is a 503 without a body.
func Unavailable() Fault { return Fault{Status: http.StatusServiceUnavailable} }

// EdgeBlock is the network protection's 400, which has only a message (fact sheet 1.3).
func EdgeBlock() Fault {
	return fromAnswer(jsonAnswer(http.StatusBadRequest, map[string]string{
		"message": "Traffic from your network looks unusual. Connect to a different network or try again later. [Error Code 7]",
	}))
}

// Garbage is a 200 that claims JSON and breaks off.
func Garbage() Fault {
	f := fromAnswer(jsonAnswer(http.StatusOK, nil))
	f.Body = []byte(`{"sponsorshipsBatch":[{"sponsoringOrg`)
	return f
}

// HTML is a 200 with a page, as captive portals and misrouted hosts answer.
func HTML() Fault { return html(http.StatusOK, "<!doctype html><title>Bitwarden Web Vault</title>") }

// Oversize is a 200 with a valid JSON body of about n bytes.
func Oversize(n int) Fault {
	f := fromAnswer(jsonAnswer(http.StatusOK, nil))
	f.Body = []byte(`{"sponsorshipsBatch":[],"padding":"` + strings.Repeat("x", n) + `"}`)
	return f
}

// Slow answers as usual, but only after d of real time.
func Slow(d time.Duration) Fault { return Fault{Delay: d} }

// SlowUntil answers as usual, but only once released is closed.
func SlowUntil(released <-chan struct{}) Fault { return Fault{Until: released} }

// Reset cuts the connection before anything was done.
func Reset() Fault { return Fault{Cut: true} }

// LostAnswer carries the request out, then cuts the connection.
func LostAnswer() Fault { return Fault{Cut: true, AfterEffect: true} }

// Redirect is a 307 to another address.
func Redirect(location string) Fault {
	return Fault{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {location}}}
}

// Unauthorized is a 401 although the token is good.
func Unauthorized() Fault {
	return fromAnswer(challenge(http.StatusUnauthorized, `Bearer error="invalid_token"`))
}

func html(status int, page string) Fault {
	return Fault{Status: status, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte(page)}
}
