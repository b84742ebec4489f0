// Package handler holds what a worker does for each kind of job, one file a
// kind. A handler reads, lets the domain decide, stores the decision together
// with its event, and wakes whoever carries on.
//
// Every handler may run twice for one job: the second run changes nothing. None
// of them knows the queue; a handler returns what should become of the job.
package handler

import (
	"context"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Waker enqueues a sync of what is pending, once a generation.
type Waker interface {
	Wake(ctx context.Context, org sponsorship.ID, generation string) error
}
