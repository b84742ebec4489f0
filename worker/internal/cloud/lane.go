package cloud

import (
	"context"
	"fmt"
	"time"
)

// Lane says how urgent a request is. It is asked at each look at the limit, since
// that may change while the request waits; an error of its own ends the wait and
// is returned as it is.
type Lane func(ctx context.Context) (urgent bool, err error)

// Urgent is the lane of what somebody waits for: it takes the next free turn.
func Urgent(context.Context) (bool, error) { return true, nil }

// Bulk is the lane of what can wait. It takes a turn only when that is near, so
// that whatever the herd, an urgent request is among the next few.
func Bulk(context.Context) (bool, error) { return false, nil }

// NotYet says that the next turn is too far away to be waited for with a handler
// in hand. It is no failure and says nothing about the cloud: come back later.
type NotYet struct {
	After time.Duration // from now
	Why   string        // where it is not the limit
}

// Error says why, or how long.
func (e *NotYet) Error() string {
	if e.Why != "" {
		return e.Why
	}
	return fmt.Sprintf("wait for a turn at the cloud: its limit, which all workers share, allows the next request in %s", e.After.Round(time.Second))
}
