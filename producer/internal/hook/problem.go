package hook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// retryAfter is what a caller is told to wait while Redis is away, in seconds:
// a restart takes about that long.
const retryAfter = "5"

// Problem is an RFC 9457 document. Code is absent only where no code of the
// contract fits: an error of this program itself (500).
type Problem struct {
	Type   string              `json:"type"`
	Title  string              `json:"title"`
	Status int                 `json:"status"`
	Detail string              `json:"detail"`
	Code   fault.Code          `json:"code,omitempty"`
	Hint   string              `json:"hint,omitempty"`
	Errors []enqueue.ItemError `json:"errors,omitempty"`
}

// statusError gives a fault another status than its code's own.
type statusError struct {
	status int
	cause  *fault.Error
}

func (e statusError) Error() string { return e.cause.Error() }
func (e statusError) Unwrap() error { return e.cause }

// missing is the answer to an id that nothing is known of.
func missing(code fault.Code, format string, args ...any) error {
	return statusError{http.StatusNotFound, fault.New(code, format, args...)}
}

// invalid is an invalid_arguments fault that names one field of a request.
func invalid(field, message string) error {
	return invalidItems(enqueue.ItemError{Field: field, Message: message})
}

func invalidItems(items ...enqueue.ItemError) error {
	return fault.Wrap(fault.InvalidArguments, enqueue.BatchError(items), "the request was not understood; nothing was changed")
}

// ProblemOf turns any error into what the caller may know of it. An error that
// is no fault is either Redis being away or our own; its text stays here.
func ProblemOf(err error) Problem {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
	case unavailable(err):
		f = fault.New(fault.QueueUnavailable, "Redis does not answer")
	default:
		f = &fault.Error{Message: "this program made a mistake; its log says more"}
	}
	p := Problem{Type: "about:blank", Status: statusOf(f.Code), Detail: f.Message, Code: f.Code, Hint: f.Hint()}
	if chosen, ok := errors.AsType[statusError](err); ok {
		p.Status = chosen.status
	}
	p.Title = http.StatusText(p.Status)
	if items, ok := errors.AsType[enqueue.BatchError](err); ok {
		p.Errors = items
	}
	return p
}

func statusOf(code fault.Code) int {
	switch code {
	case fault.InvalidArguments:
		return http.StatusBadRequest
	case fault.Unauthorized:
		return http.StatusUnauthorized
	case fault.ConnectionMissing:
		return http.StatusNotFound
	case fault.PayloadTooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.IdempotencyKeyReused:
		return http.StatusUnprocessableEntity
	case fault.QueueUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// unavailable reports whether err is Redis, or the way to it, being out of
// order: a broken or slow connection, or an error that Redis itself answered.
func unavailable(err error) bool {
	var network net.Error
	var answered redis.Error
	return errors.As(err, &network) || errors.As(err, &answered) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout)
}

func writeProblem(w http.ResponseWriter, p Problem) {
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="sponsorsync"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	}
	write(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	write(w, status, "application/json", body)
	return nil
}

func write(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // hints hold "Billing > Subscription"; nobody reads JSON as HTML here (nosniff)
	_ = e.Encode(body)     // fails only when the reader is gone
}
