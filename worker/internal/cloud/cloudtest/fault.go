package cloudtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PathAny makes a fault apply to every endpoint.
const PathAny = "*"

// Fault is a queued misbehavior. Make one with a constructor such as
// [LostAnswer], narrow it with On, For and Times, and queue it with Inject. It
// takes hold of a request after rate limits, hook and gates.
type Fault struct {
	Path           string             // PathSync when empty; a trailing slash makes it a prefix; PathAny
	OrganizationID string             // empty: any
	Match          func(Request) bool // nil: any
	Skip           int                // let this many matching requests pass first
	Count          int                // how many requests it hits; 0 is 1, negative is forever

	Stage  Stage           // where it takes hold
	Delay  time.Duration   // wait there before going on
	Until  <-chan struct{} // wait there until closed before going on
	GoesOn bool            // the caller gets its answer at once, the cloud waits and goes on unseen

	Cut    bool // reset the connection
	Silent bool // never answer; the connection stays until the caller hangs up
	Status int  // answer this; with none of the three the request goes on as usual
	Header http.Header
	Body   []byte

	BodyDelay time.Duration // pause in the middle of the real answer's body
	Broken    bool          // close the connection there: status and half a body arrive
}

// On restricts the fault to a path; the default is PathSync.
func (f Fault) On(path string) Fault { f.Path = path; return f }

// For restricts the fault to one organization by its cloud id.
func (f Fault) For(organizationID string) Fault { f.OrganizationID = organizationID; return f }

// Times sets how many requests the fault hits; negative is forever.
func (f Fault) Times(n int) Fault { f.Count = n; return f }

// After lets n matching requests pass before the fault begins.
func (f Fault) After(n int) Fault { f.Skip = n; return f }

// When restricts the fault by a predicate, which must not call the cloud.
func (f Fault) When(match func(Request) bool) Fault { f.Match = match; return f }

// At moves the fault to another stage: what the request has done until then
// stays done, and the rest is never done unless the fault is one of GoingOn.
// Requests other than syncs have no stages between BeforeEffect and AfterEffect;
// for them Loaded is the former and Inserted the latter.
func (f Fault) At(stage Stage) Fault { f.Stage = stage; return f }

// GoingOn gives the fault's answer (or silence, or reset) to the caller at once,
// while the cloud waits for d and then goes on with the request: a gateway has
// lost patience, and the rows may still be coming.
func (f Fault) GoingOn(d time.Duration) Fault { f.GoesOn, f.Delay = true, d; return f }

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

// ClearFaults drops all queued faults and lets go of what waits for this call.
func (c *Cloud) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
	close(c.cleared)
	c.cleared = make(chan struct{})
}

// injectSpec queues a fault of the control API.
func (c *Cloud) injectSpec(spec FaultSpec) error {
	c.mu.Lock()
	cleared := c.cleared
	c.mu.Unlock()
	f, err := spec.fault(cleared)
	if err == nil {
		c.Inject(f)
	}
	return err
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

// stageOn is the stage as the endpoint knows it.
func (f *Fault) stageOn(path string) Stage {
	switch {
	case path == PathSync:
		return f.Stage
	case f.Stage == Loaded:
		return BeforeEffect
	case f.Stage == Inserted:
		return AfterEffect
	}
	return f.Stage
}

// final tells whether the fault puts something in the place of the real answer.
func (f *Fault) final() bool { return f.Cut || f.Silent || f.Status != 0 }

func (f *Fault) answer() answer {
	return answer{
		cut: f.Cut, silent: f.Silent, status: f.Status, header: f.Header.Clone(), body: f.Body,
		broken: f.Broken, bodyDelay: f.BodyDelay,
	}
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
func BadGateway() Fault { return Gateway(http.StatusBadGateway) }

// Gateway is a 502, 503 or 504 with the HTML page of a proxy. A gateway says
// nothing of what the cloud behind it does; see GoingOn.
func Gateway(status int) Fault {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	return html(status, "<html><head><title>"+title+"</title></head><body>cloud</body></html>")
}

// Unavailable is a 503 without a body.
func Unavailable() Fault { return Fault{Status: http.StatusServiceUnavailable} }

// EdgeBlock is the network protection's 400, which has only a message (PROTOCOL.md 1.3).
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

// Slow keeps the request waiting for d before the cloud takes it up.
func Slow(d time.Duration) Fault { return Fault{Delay: d} }

// SlowUntil is Slow until released is closed.
func SlowUntil(released <-chan struct{}) Fault { return Fault{Until: released} }

// Stall holds a sync for d between loading rows and inserting them, without a
// lock: two requests with the same new row may then both insert and mail it.
func Stall(d time.Duration) Fault { return Fault{Stage: Loaded, Delay: d} }

// StallUntil is Stall until released is closed.
func StallUntil(released <-chan struct{}) Fault { return Fault{Stage: Loaded, Until: released} }

// SlowAnswer does everything, then waits for d before the status.
func SlowAnswer(d time.Duration) Fault { return Fault{Stage: AfterEffect, Delay: d} }

// SlowBody does everything, then pauses for d in the middle of the body.
func SlowBody(d time.Duration) Fault { return Fault{Stage: AfterEffect, BodyDelay: d} }

// BrokenAnswer does everything; status, headers and half the body arrive.
func BrokenAnswer() Fault { return Fault{Stage: AfterEffect, Broken: true} }

// Silence never answers. At BeforeEffect, its default, nothing is done either.
func Silence() Fault { return Fault{Silent: true} }

// Reset cuts the connection before anything was done.
func Reset() Fault { return Fault{Cut: true} }

// LostAnswer carries the request out, then cuts the connection.
func LostAnswer() Fault { return Fault{Stage: AfterEffect, Cut: true} }

// UnmailedError is the 500 of a sync whose rows are in while its mails never
// leave: an exception between the two.
func UnmailedError() Fault { return ServerError().At(Inserted) }

// Redirect is a 307 to another address.
func Redirect(location string) Fault {
	return Fault{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {location}}}
}

// Unauthorized is a 401 although the token is good.
func Unauthorized() Fault {
	return fromAnswer(challenge(`Bearer error="invalid_token"`))
}

func html(status int, page string) Fault {
	return Fault{Status: status, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte(page)}
}
