package health

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Facts are what is known at one moment.
type Facts struct {
	At    time.Time
	Brief bool  // what is about organizations and single jobs was not looked at
	Redis error // why it, or part of it, could not be read: then all but NATS is unknown
	NATS  error

	Workers       []state.Worker
	Scheduler     state.Scheduler
	Paused        bool // a person has stopped all sending
	Queues        []enqueue.Depth
	Jobs          Jobs
	Outbox        Fill // of its fullest shard, in events
	Memory        Fill // of Redis, in bytes; without a limit it has no bound
	Organizations []state.Organization
}

// Jobs are those that ended badly and are kept.
type Jobs struct {
	Dead    int64 `json:"dead"`
	Refused int64 `json:"refused"`

	Most int64 `json:"-"` // of both together; then new ones are refused
}

// Fill is how much of something that has a bound is used.
type Fill struct{ Used, Limit int64 }

// near is the part of a bound from which on it is told.
const near = enqueue.EndedNear

// Ratio is 1 when it is full, and 0 where it has no bound.
func (f Fill) Ratio() float64 {
	if f.Limit <= 0 {
		return 0
	}
	return float64(f.Used) / float64(f.Limit)
}
