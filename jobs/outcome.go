package jobs

import (
	"errors"
	"time"
)

// Permanent says that trying again cannot help: the job is dead at once, with
// err as its reason.
func Permanent(err error) error { return &permanent{err} }

// Refused says that what the job asked for is impossible, and that its handler has
// written down why. It is not dead: there is nothing to mend, and nothing to run
// again.
func Refused(err error) error { return &refused{err} }

// RetryAfter says that the job should be tried again no sooner than after d. It
// uses an attempt.
func RetryAfter(d time.Duration, err error) error { return &retryAfter{err, d} }

// Snooze says that the job's turn has not come: it runs again after d, uses no
// attempt, and counts as no failure.
func Snooze(d time.Duration, why string) error { return &snooze{why, d} }

// IsPermanent reports whether err, or an error that it wraps, is Permanent.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*permanent](err)
	return ok
}

// IsRefused reports whether err, or an error that it wraps, is Refused.
func IsRefused(err error) bool {
	_, ok := errors.AsType[*refused](err)
	return ok
}

// IsSnooze reports whether err is a Snooze.
func IsSnooze(err error) bool {
	_, ok := errors.AsType[*snooze](err)
	return ok
}

// Delay returns the delay that err asks for, or false if it leaves that to
// Backoff.
func Delay(err error) (time.Duration, bool) {
	if r, ok := errors.AsType[*retryAfter](err); ok {
		return r.after, true
	}
	if s, ok := errors.AsType[*snooze](err); ok {
		return s.after, true
	}
	return 0, false
}

type permanent struct{ cause error }

func (e *permanent) Error() string { return e.cause.Error() }
func (e *permanent) Unwrap() error { return e.cause }

type refused struct{ cause error }

func (e *refused) Error() string { return e.cause.Error() }
func (e *refused) Unwrap() error { return e.cause }

type retryAfter struct {
	cause error
	after time.Duration
}

func (e *retryAfter) Error() string { return e.cause.Error() }
func (e *retryAfter) Unwrap() error { return e.cause }

type snooze struct {
	why   string
	after time.Duration
}

func (e *snooze) Error() string { return e.why }
