package jobs

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Kind names a sort of job. It is written into queues and URLs, so it never
// changes once released.
type Kind string

// The kinds that users enqueue.
const (
	KindSync              Kind = "sync"
	KindRedeem            Kind = "redeem"
	KindChangeSponsorship Kind = "change-sponsorship"
	KindSyncLicense       Kind = "sync-license"
	KindAdopt             Kind = "adopt"
)

// The kinds that the system enqueues for itself; not part of the public contract.
const (
	KindSyncPending   Kind = "sync-pending"   // wake-up: an organization has work for the cloud
	KindSyncLeft      Kind = "sync-left"      // the same, found by a sweep: it can wait
	KindSyncScheduled Kind = "sync-scheduled" // the daily full sync
	KindSweep         Kind = "sweep"          // looks for syncs that are due
)

// KindBatch is how the queue holds jobs that were enqueued together; see [Batch]. It is
// none of [Kinds]: nobody asks for it, and no job is of it.
const KindBatch Kind = "batch"

// Queue is one of the lanes of a worker. They are apart so that waiting for the
// cloud never blocks intake, and no herd of syncs a person.
type Queue string

// The queues.
const (
	QueueIntake Queue = "intake" // jobs that touch the ledger only
	QueueUrgent Queue = "urgent" // jobs that call the cloud and that somebody waits for
	QueueCloud  Queue = "cloud"  // jobs that call the cloud and can wait
)

// Policy is how jobs of a kind are run.
type Policy struct {
	Queue       Queue
	MaxAttempts int           // then the job is dead, and visible as such
	Timeout     time.Duration // of one attempt
	Retention   time.Duration // how long a finished job can be looked up; 0 is not at all
	Public      bool          // whether a user may enqueue it
}

// retention is a day: as long as an Idempotency-Key is remembered.
const retention = 24 * time.Hour

// Policy returns the policy of k, or false for an unknown kind. This switch is
// the only place that says how a kind is run.
func (k Kind) Policy() (Policy, bool) {
	switch k {
	case KindRedeem, KindChangeSponsorship, KindAdopt:
		return Policy{Queue: QueueIntake, MaxAttempts: 30, Timeout: time.Minute, Retention: retention, Public: true}, true
	case KindBatch:
		return Policy{Queue: QueueIntake, MaxAttempts: 30, Timeout: 5 * time.Minute, Retention: retention}, true
	case KindSync:
		return Policy{Queue: QueueUrgent, MaxAttempts: 100, Timeout: 2 * time.Hour, Retention: retention, Public: true}, true
	case KindSyncLicense:
		return Policy{Queue: QueueUrgent, MaxAttempts: 30, Timeout: 5 * time.Minute, Retention: retention, Public: true}, true
	case KindSyncPending:
		return Policy{Queue: QueueUrgent, MaxAttempts: 100, Timeout: 2 * time.Hour}, true
	case KindSyncLeft, KindSyncScheduled:
		return Policy{Queue: QueueCloud, MaxAttempts: 100, Timeout: 2 * time.Hour}, true
	case KindSweep:
		return Policy{Queue: QueueIntake, MaxAttempts: 3, Timeout: time.Minute}, true
	}
	return Policy{}, false
}

// Kinds returns every kind, the public ones first.
func Kinds() []Kind {
	return []Kind{KindSync, KindRedeem, KindChangeSponsorship, KindSyncLicense, KindAdopt, KindSyncPending, KindSyncLeft, KindSyncScheduled, KindSweep}
}

// Queues returns every queue.
func Queues() []Queue { return []Queue{QueueIntake, QueueUrgent, QueueCloud} }

// Job is what a handler gets.
type Job[A Args] struct {
	ID          string
	Args        A
	Attempt     int // 1 on the first try
	MaxAttempts int
}

// Args are the arguments of one kind of job: a plain JSON struct that knows it.
type Args interface {
	Kind() Kind
	// Validate returns an invalid_arguments fault that wraps FieldErrors, or nil.
	Validate() error
	// Organization is the organization the job is about; empty for a sweep.
	Organization() sponsorship.ID
}

// Ordered are the arguments of a job that takes effect in the order in which it was
// acknowledged among the others about the same sponsorship.
type Ordered interface {
	Args
	SponsorshipID() sponsorship.ID // the ledger key
}

// Version is the form in which a job is put into the queue. It is raised when an
// older worker would misread a newer job; such a worker leaves the job to a newer
// one. A job without a [VersionHeader] has version 1.
const Version = 1

// BatchVersion is the version of a [Batch], which no worker of an older release reads: it
// leaves it to a newer one.
const BatchVersion = 2

// VersionHeader carries the version beside a job's arguments.
const VersionHeader = "version"
