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
	ID          string       `json:"id"`
	Kind        jobs.Kind    `json:"kind"`
	State       string       `json:"state"`
	Attempts    int          `json:"attempts"`
	LastError   *fault.Error `json:"lastError"`
	EnqueuedAt  *time.Time   `json:"enqueuedAt"`
	CompletedAt *time.Time   `json:"completedAt"`
}

// ShowJob returns the public form of one job.
func ShowJob(s enqueue.Status) Job {
	shown := Job{ID: s.ID, Kind: s.Kind, State: s.State, Attempts: s.Attempts, LastError: s.LastError, CompletedAt: s.CompletedAt}
	if !s.EnqueuedAt.IsZero() {
		at := s.EnqueuedAt.UTC()
		shown.EnqueuedAt = &at
	}
	return shown
}
