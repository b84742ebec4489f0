package cloud

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// The operations, as [Params.Observe] is told them.
const (
	OpToken   = "token"
	OpSync    = "sync"
	OpLicense = "license"
)

// Error is a call that did not succeed. It unwraps to its [fault.Error], so
// errors.As and fault.CodeOf see the code.
type Error struct {
	Fault      *fault.Error
	Status     int           // of the HTTP answer; 0 when there was none
	RetryAfter time.Duration // not before; 0 when nobody said

	// Outage: the cloud as a whole did not answer; the circuit breaker counts it.
	Outage bool

	// ServerError: a 500 with Bitwarden's own error body. The cloud is up and
	// choked on this very request (PROTOCOL.md 2.4 rows 6 and 8, 2.6, 2.8), so
	// halving the batch can find the row that did it.
	ServerError bool

	Fate Fate // of the request

	// Slow: the request left, and nothing came back within its time.
	Slow bool
}

// ErrTokenDied says that the cloud did not accept a token that should still be
// good, and processed nothing: take a turn again, which obtains a new one, and
// repeat the request. It does not come twice in a row.
var ErrTokenDied = errors.New("the installation's token died early: the request has to be repeated with a new one")

// Error returns the fault's text, "code: message".
func (e *Error) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *Error) Unwrap() error { return e.Fault }

// operation is what is being tried, for messages and for the rules that hold
// for one kind of call only.
type operation struct {
	name    string // metric label
	does    string // verb and object, begins a message
	base    *url.URL
	timeout time.Duration
}

// fail starts a message with what was tried and at which host.
func (op operation) fail(code fault.Code, says string) *Error {
	return &Error{Fault: fault.New(code, "%s at %s: %s", op.does, op.base.Host, says)}
}

// misunderstood is a 200 whose body is not what the cloud would send.
func (op operation) misunderstood(says string) *Error {
	e := op.fail(fault.CloudProtocolError, says)
	e.Status, e.Fate = http.StatusOK, CarriedOut
	return e
}

// label is the metric label of a call's outcome.
func label(err error) string {
	switch code := fault.CodeOf(err); {
	case err == nil:
		return "ok"
	case code == "":
		return "canceled"
	default:
		return string(code)
	}
}

// asError returns the *Error in err's chain, or nil.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}
