package view

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

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

	RetryAfter time.Duration `json:"-"` // a header says it; 0 where nothing is known
}

// statusError is what WithStatus returns.
type statusError struct {
	status int
	cause  *fault.Error
}

func (e statusError) Error() string { return e.cause.Error() }
func (e statusError) Unwrap() error { return e.cause }

// WithStatus gives a fault another HTTP status than its code's own.
func WithStatus(status int, cause *fault.Error) error { return statusError{status, cause} }

// retryError is what RetryAfter returns.
type retryError struct {
	wait  time.Duration
	cause *fault.Error
}

func (e retryError) Error() string { return e.cause.Error() }
func (e retryError) Unwrap() error { return e.cause }

// RetryAfter says of a fault when to ask again.
func RetryAfter(wait time.Duration, cause *fault.Error) error { return retryError{wait, cause} }

// Seconds is a wait as the header Retry-After has it: whole seconds, never too few.
func Seconds(wait time.Duration) string { return strconv.Itoa(int(math.Ceil(wait.Seconds()))) }

// NotFound is the answer to an id that nothing is known of: a problem of status 404.
func NotFound(code fault.Code, format string, args ...any) error {
	return WithStatus(http.StatusNotFound, fault.New(code, format, args...))
}

// Invalid is an invalid_arguments fault that names one field of a request.
func Invalid(field, message string) error {
	return InvalidItems(enqueue.ItemError{Field: field, Message: message})
}

// InvalidItems is Invalid for many fields of many jobs.
func InvalidItems(items ...enqueue.ItemError) error {
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
	if later, ok := errors.AsType[retryError](err); ok {
		p.RetryAfter = later.wait
	}
	p.Title = http.StatusText(p.Status)
	p.Errors = itemErrors(err)
	return p
}

// itemErrors names the fields that are wrong; those of a single object are item 0's.
func itemErrors(err error) []enqueue.ItemError {
	if items, ok := errors.AsType[enqueue.BatchError](err); ok {
		return items
	}
	fields, _ := errors.AsType[jobs.FieldErrors](err)
	var items []enqueue.ItemError
	for _, f := range fields {
		items = append(items, enqueue.ItemError{Field: f.Field, Message: f.Message})
	}
	return items
}

func statusOf(code fault.Code) int {
	switch code {
	case fault.InvalidArguments:
		return http.StatusBadRequest
	case fault.Unauthorized:
		return http.StatusUnauthorized
	case fault.ConnectionMissing, fault.NotFound:
		return http.StatusNotFound
	case fault.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case fault.TooManyRequests:
		return http.StatusTooManyRequests
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.PayloadTooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.IdempotencyKeyReused:
		return http.StatusUnprocessableEntity
	case fault.QueueUnavailable, fault.StoreFull:
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
