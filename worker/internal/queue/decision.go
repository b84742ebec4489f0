package queue

import (
	"errors"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// The outcomes of an attempt, as they stand in logs and metrics.
const (
	OutcomeDone        = "done"
	OutcomeRefused     = "refused" // impossible; nothing to mend
	OutcomeDead        = "dead"
	OutcomeRetry       = "retry"
	OutcomeSnoozed     = "snoozed"
	OutcomeInterrupted = "interrupted" // by the worker's shutdown
)

// maxText bounds what a job keeps of its last error, in bytes.
const maxText = 1000

// situation is all that a decision depends on besides the error.
type situation struct {
	attempt, maxAttempts int
	draining             bool
	curve                jobs.Curve
	rnd                  float64
}

// decision is what becomes of a job. It travels through asynq as the error that
// the handler seems to have returned.
type decision struct {
	outcome string
	cause   error
	delay   time.Duration
}

// decide is the one place where an error becomes a decision.
func decide(err error, s situation) decision {
	delay, asked := jobs.Delay(err)
	switch {
	case err == nil:
		return decision{outcome: OutcomeDone}
	case jobs.IsRefused(err):
		return decision{OutcomeRefused, err, 0}
	case jobs.IsPermanent(err):
		return decision{OutcomeDead, err, 0}
	case jobs.IsSnooze(err):
		return decision{OutcomeSnoozed, err, delay}
	case s.draining:
		return decision{OutcomeInterrupted, err, delay}
	case s.attempt >= s.maxAttempts:
		return decision{OutcomeDead, err, 0}
	case !asked:
		delay = jobs.Backoff(s.attempt, s.curve, s.rnd)
	}
	return decision{OutcomeRetry, err, delay}
}

// result is what asynq is told: nil, or the decision itself. To asynq a refused job
// is as good as done; its record knows better.
func (v decision) result() error {
	if v.outcome == OutcomeDone || v.outcome == OutcomeRefused {
		return nil
	}
	return v
}

// Error is what asynq keeps as the job's last error, and what
// [enqueue.Inspector] reads: "code: message" if the cause holds a fault.
func (v decision) Error() string {
	switch v.outcome {
	case OutcomeSnoozed:
		return storable(enqueue.WaitPrefix + v.cause.Error())
	case OutcomeInterrupted:
		return enqueue.WaitPrefix + "the worker was shut down"
	}
	if f, ok := errors.AsType[*fault.Error](v.cause); ok {
		return storable(f.Error())
	}
	return storable(v.cause.Error())
}

// Unwrap tells asynq to archive a dead job. It hides the cause, in which asynq
// might recognize an error of its own.
func (v decision) Unwrap() error {
	if v.outcome == OutcomeDead {
		return asynq.SkipRetry
	}
	return nil
}

// storable makes a text fit for asynq's message: one that is not UTF-8 cannot
// be encoded, and the job would hang until its lease expires.
func storable(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "?")
}

// isFailure reports to asynq whether an attempt was used. Errors of asynq's own
// (a lost lease, a handler that overstayed) use one, or a job that kills its
// worker would do so forever.
func isFailure(err error) bool {
	var v decision
	return !errors.As(err, &v) || v.outcome == OutcomeRetry
}

// retryDelay tells asynq when to run a job again: by its own machine's clock, so that
// it is dated by the shared one.
func (s *Server) retryDelay(failures int, err error, _ *asynq.Task) time.Duration {
	select {
	case s.putOff <- struct{}{}:
	default:
	}
	return s.delay(failures, err) + s.ahead()
}

// delay must not panic: asynq would take the process down.
func (s *Server) delay(failures int, err error) time.Duration {
	var v decision
	switch {
	case errors.As(err, &v):
		return v.delay
	case errors.Is(err, asynq.ErrLeaseExpired):
		return 0 // it has waited for a minute or more by now
	}
	return jobs.Backoff(failures+1, s.p.Curve, s.p.Rand())
}
