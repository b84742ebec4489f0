// Package fault is the one table of everything that can go wrong in a way
// somebody has to be told about: a stable code, and a hint that says what to
// do in the words of Bitwarden's set-up guide.
//
// The same code stands in a job's lastError, a sponsorship's reason, a problem
// document, an event and a metric label. The package imports the standard
// library only, and it never logs, retries or decides: what a code means for a
// job is decided by the caller through [Code.NeedsAdmin] and [Code.Transient].
package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Error says what was tried and why it failed. The code carries the hint.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"` // what was tried, on what, and what came back; no addresses, no secrets
	Cause   error  `json:"-"`       // may be nil; its text is not part of Error()
}

// New returns an Error with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause that errors.Is and errors.As can see.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Error returns "code: message", the form that [Parse] reads back.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Hint says what to do about it.
func (e *Error) Hint() string {
	if reason, _, _ := strings.Cut(e.Message, ": "); e.Code == BridgeHeld && Held(reason).Hint() != "" {
		return Held(reason).Hint()
	}
	return e.Code.Hint()
}

// MarshalJSON writes {code, message, hint}, the form in which jobs, events and
// organizations show what failed. Reading needs no counterpart: the hint follows
// from the code.
func (e *Error) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // hints hold "Billing > Subscription"; the outer encoder may escape it
	err := encoder.Encode(struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint"`
	}{e.Code, e.Message, e.Hint()})
	return text.Bytes(), err
}

// CodeOf returns the code of the first Error in err's chain, or "" if none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Parse turns the text of an Error back into one. Queues keep only text; a
// text that starts with no known code comes back with an empty code.
func Parse(text string) *Error {
	code, message, found := strings.Cut(text, ": ")
	if _, known := hints[Code(code)]; found && known {
		return &Error{Code: Code(code), Message: message}
	}
	return &Error{Message: text}
}
