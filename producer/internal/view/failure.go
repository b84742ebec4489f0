package view

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Error is the last failure: what happened, what to do, since when, how often,
// and when it is tried next (null when somebody has to act first).
type Error struct {
	Code        fault.Code `json:"code"`
	Message     string     `json:"message"`
	Hint        string     `json:"hint"`
	At          time.Time  `json:"at"`
	Attempts    int        `json:"attempts,omitempty"`
	NextAttempt *time.Time `json:"nextAttemptAt,omitempty"`
}

func showFailure(f *state.Failure) *Error {
	if f == nil {
		return nil
	}
	return &Error{Code: f.Code, Message: f.Message, Hint: f.Hint(), At: f.At}
}
