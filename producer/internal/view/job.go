package view

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Job is the public form of one job. Its arguments are not part of it: they hold
// an address.
type Job struct {
	ID          string     `json:"id"`
	Kind        jobs.Kind  `json:"kind"`
	State       string     `json:"state"`
	Attempts    int        `json:"attempts"`
	LastError   *jobError  `json:"lastError"`
	EnqueuedAt  *time.Time `json:"enqueuedAt"`
	CompletedAt *time.Time `json:"completedAt"`
}

type jobError struct {
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
	Hint    string     `json:"hint"`
}

// ShowJob returns the public form of one job.
func ShowJob(s enqueue.Status) Job {
	shown := Job{ID: s.ID, Kind: s.Kind, State: s.State, Attempts: s.Attempts, CompletedAt: s.CompletedAt}
	if s.LastError != nil {
		shown.LastError = &jobError{s.LastError.Code, s.LastError.Message, s.LastError.Hint()}
	}
	if !s.EnqueuedAt.IsZero() {
		at := s.EnqueuedAt.UTC()
		shown.EnqueuedAt = &at
	}
	return shown
}
