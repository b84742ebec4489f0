package enqueue

import (
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// WaitPrefix begins the text that the worker leaves with a job that was put off
// without having failed: a snooze, or a shutdown. asynq knows no such state and
// keeps it with those that are tried again.
const WaitPrefix = "waiting: "

// The states of a job.
const (
	StatePending  = "pending"  // waits for its first turn, or for its next without having failed
	StateActive   = "active"   // runs
	StateRetrying = "retrying" // failed, and waits for its next attempt
	StateDone     = "done"
	StateRefused  = "refused" // what it asked for was impossible; nothing to mend
	StateDead     = "dead"    // failed for good; see Inspector.Retry
)

// Status is what the outside may know of a job. It never holds an address or a label.
type Status struct {
	ID         string
	Kind       jobs.Kind
	Wish       string // what it asks for, in words
	State      string
	Attempts   int          // begun so far, but for those that were put off
	LastError  *fault.Error // of a job that is retrying, refused or dead, or paused; the code is empty if it was no fault
	EnqueuedAt time.Time    // zero if unknown

	CompletedAt *time.Time // when it succeeded or was refused

	Organization sponsorship.ID // empty if that cannot be told, or it is about none
	User         sponsorship.ID // the ledger key, of a job about one sponsorship
}

// recorded is what a record says of a job that the queue does not know any more,
// or knows less of.
func recorded(r record.Record) Status {
	s := Status{
		ID: r.ID, Kind: r.Kind, State: StatePending, Attempts: r.Attempts, LastError: r.Reason, EnqueuedAt: r.EnqueuedAt,
		Organization: r.Organization, User: r.User,
	}.asked(r.Args)
	switch r.State {
	case record.Done:
		s.State = StateDone
	case record.Refused:
		s.State = StateRefused
	case record.Dead:
		s.State = StateDead
	}
	if s.State == StateDone || s.State == StateRefused {
		s.CompletedAt = &r.EndedAt
	}
	return s
}

func statusOf(info *asynq.TaskInfo) Status {
	s := Status{ID: info.ID, Kind: jobs.Kind(info.Type), State: stateOf(info)}.asked(info.Payload)
	s.Attempts = attempts(info, s.State)
	switch {
	case s.State == StateDead && info.LastErr == "":
		s.LastError = archived()
	case s.State == StateRetrying || s.State == StateDead:
		s.LastError = fault.Parse(info.LastErr)
	}
	// A wait is no error, but for one that a person has asked for, and can end.
	if why, waits := strings.CutPrefix(info.LastErr, WaitPrefix); waits && s.State == StatePending {
		if f := fault.Parse(why); f.Code == fault.Paused {
			s.LastError = f
		}
	}
	s.EnqueuedAt = EnqueuedAt(info.Headers)
	if s.State == StateDone {
		at := info.CompletedAt.UTC() // in whole seconds, hence perhaps before its beginning
		if at.Before(s.EnqueuedAt) {
			at = s.EnqueuedAt
		}
		s.CompletedAt = &at
	}
	return s
}

// archived is the reason of a job that somebody ended from outside: no worker of ours
// archives one without saying why.
func archived() *fault.Error {
	return &fault.Error{Message: "somebody archived it with asynq's own tools; run it again ('producer jobs retry'), or delete it"}
}

// vanished is a job of which only its record is left.
func vanished(r record.Record) Status {
	s := recorded(r)
	s.State = StateDead
	s.LastError = &fault.Error{Message: "it is gone from the queue, and nothing says how it ended: somebody deleted it with asynq's own tools, say; " +
		"look at the sponsorship, and ask for it again if you still want it"}
	return s
}

// EnqueuedAt reads when a job was enqueued from what travels with it; zero if it
// does not say.
func EnqueuedAt(headers map[string]string) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, headers[enqueuedAtHeader])
	return at
}

// HasOrigin reports whether the record of a job names who asked for it, by what
// travels with the job.
func HasOrigin(headers map[string]string) bool { return headers[originHeader] != "" }

func stateOf(info *asynq.TaskInfo) string {
	switch info.State {
	case asynq.TaskStateActive:
		return StateActive
	case asynq.TaskStateCompleted:
		return StateDone
	case asynq.TaskStateArchived:
		return StateDead
	}
	// Between two attempts a job is in asynq's retry state, and then, when its
	// time has come, in pending again. Only what it left behind tells.
	if info.LastErr != "" && !strings.HasPrefix(info.LastErr, WaitPrefix) {
		return StateRetrying
	}
	return StatePending
}

// attempts counts the attempt that asynq has not counted: the one that runs, or
// that ended the job. MaxRetry is the policy's number of attempts (see put).
func attempts(info *asynq.TaskInfo, state string) int {
	switch {
	case state == StateDead && info.LastErr == "": // archived by hand
	case state == StateActive, state == StateDone, state == StateDead:
		return min(info.Retried+1, info.MaxRetry)
	}
	return info.Retried
}
