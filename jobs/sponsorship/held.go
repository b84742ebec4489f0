package sponsorship

import (
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Held says of a pending sponsorship why it is not sent before a time, or returns
// false if it is not pending: a request that holds it got no answer, and the cloud
// may still be at work on it.
func Held(s Sponsorship, until, now time.Time) (Sponsorship, bool) {
	if s.Status != Pending {
		return s, false
	}
	s.Reason = waits("a request that holds this sponsorship got no answer, and the cloud may still be at work on it; it is not sent again before %s", until)
	s.Wire.HeldUntil = until
	s.Revision++
	s.UpdatedAt = now
	return s, true
}

// HeldBack is the same where a request may have held it that Redis has lost, with
// the worker that sent it.
func HeldBack(s Sponsorship, until, now time.Time) (Sponsorship, bool) {
	s, pending := Held(s, until, now)
	if pending {
		s.Reason = waits("Redis came back without its last writes, and a worker that was killed may have sent this sponsorship; it is not sent before %s", until)
	}
	return s, pending
}

func waits(why string, until time.Time) *Reason {
	return &Reason{Code: fault.CloudUnavailable, Message: fmt.Sprintf(why, until.UTC().Format(time.RFC3339))}
}

// Postponed notes that a pending sponsorship waits until the others have gone, or
// until a time at most. A status that waits for nothing is no concern of it: then it
// returns false.
func Postponed(s Sponsorship, until, now time.Time) (Sponsorship, bool) {
	if s.Status != Pending {
		return s, false
	}
	s.Reason = &Reason{
		Code:    fault.CloudUnavailable,
		Message: "the cloud fails requests that hold this sponsorship or others; it is tried again when the others have gone",
	}
	s.Wire.HeldUntil = until
	s.Revision++
	s.UpdatedAt = now
	return s, true
}

// held reports whether s waits for a time: for the end of a request that got no
// answer, or for others to go first.
func (s Sponsorship) held() bool { return s.Status == Pending && !s.Wire.HeldUntil.IsZero() }
