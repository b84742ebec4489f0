package view

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Job is the public form of one job. Its arguments are not part of it: they hold
// an address.
type Job struct {
	ID          string       `json:"id"`
	Kind        jobs.Kind    `json:"kind"`
	Wish        string       `json:"wish"`
	State       string       `json:"state"`
	Attempts    int          `json:"attempts"`
	LastError   *fault.Error `json:"lastError"`
	EnqueuedAt  *time.Time   `json:"enqueuedAt"`
	CompletedAt *time.Time   `json:"completedAt"`

	OrganizationID     *sponsorship.ID `json:"organizationId"`
	OrganizationUserID *sponsorship.ID `json:"organizationUserId"`
}

// ShowJob returns the public form of one job.
func ShowJob(s enqueue.Status) Job {
	shown := Job{
		ID: s.ID, Kind: s.Kind, Wish: s.Wish, State: s.State, Attempts: s.Attempts, LastError: s.LastError, CompletedAt: s.CompletedAt,
		OrganizationID: OrNull(s.Organization), OrganizationUserID: OrNull(s.User),
	}
	if !s.EnqueuedAt.IsZero() {
		at := s.EnqueuedAt.UTC()
		shown.EnqueuedAt = &at
	}
	return shown
}

// OrNull is what JSON has null for where it is empty.
func OrNull[T ~string](text T) *T {
	if text == "" {
		return nil
	}
	return &text
}
