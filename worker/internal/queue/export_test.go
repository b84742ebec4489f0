package queue

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// Situation and Decide let tests see the decision without a server.
type Situation struct {
	Attempt, MaxAttempts int
	Draining             bool
	Curve                jobs.Curve
	Rnd                  float64
}

// Decide returns the decision, and what asynq is told.
func Decide(err error, s Situation) (outcome string, delay time.Duration, result error) {
	v := decide(err, situation{s.Attempt, s.MaxAttempts, s.Draining, s.Curve, s.Rnd})
	return v.outcome, v.delay, v.result()
}

// IsFailure is what asynq asks to know whether an attempt was used.
var IsFailure = isFailure

// RetryDelay is what asynq asks after an error of its own.
func RetryDelay(s *Server, failures int, err error) time.Duration {
	return s.retryDelay(failures, err, nil)
}
