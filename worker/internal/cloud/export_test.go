package cloud

import (
	"net/http"
	"net/url"
	"time"
)

// The pure decisions, for the tests.
var (
	DecodeSync      = decodeSync
	ParseRetryAfter = parseRetryAfter
	KeepFor         = keepFor
	FateOfAnswer    = fateOf
)

// Answer is what Classify reads.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	At     time.Time
}

// Classify reads an answer to op from api.example.
func Classify(op string, a Answer) *Error {
	return classify(
		operation{name: op, does: "try", base: &url.URL{Host: "api.example"}, timeout: time.Second},
		answer{status: a.Status, header: a.Header, body: []byte(a.Body), at: a.At},
	)
}

// Pace returns the pace for a rate and a burst.
func Pace(rate, burst int) (every time.Duration, atOnce int) {
	p := newPace(rate, burst)
	return p.every, p.burst
}

// DefaultTransport is what a client without one of the caller's uses.
func DefaultTransport() *http.Transport { t, _ := defaultTransport().(*http.Transport); return t }
