package queue

import (
	"context"
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
	return s.delay(failures, err)
}

// Looks are what a server remembers between two looks for lost jobs.
type Looks struct {
	seen  map[string]sighting
	found strays
}

// LookForLost is one look of the server, for jobs of gone workers and for strays.
func (l *Looks) LookForLost(ctx context.Context, s *Server) error {
	if l.seen == nil {
		l.seen = map[string]sighting{}
	}
	err := s.rescueLost(ctx, l.seen)
	if err == nil {
		l.found, err = s.rescueStrays(ctx, l.found)
	}
	return err
}

// LostAfter is how long a job must be nobody's.
const LostAfter = lostAfter

// MostRescues is how often a job is put back without using an attempt.
const MostRescues = mostRescues

// RunBatch runs a batch as it comes to an attempt, and returns what becomes of it.
func RunBatch(ctx context.Context, s *Server, payload []byte, attempt int) (outcome string, err error) {
	d := delivery{id: "batch", kind: jobs.KindBatch, payload: payload, attempt: attempt}.with(nil)
	err = s.attempt(ctx, &d)
	return decide(err, situation{attempt: attempt, maxAttempts: d.policy.MaxAttempts, draining: s.handlers.Err() != nil}).outcome, err
}
