package jobstest

import (
	"testing"
	"time"
)

// Timeout is how long the Require functions wait. It is generous because it costs
// nothing when all is well.
const Timeout = 90 * time.Second

// A condition is looked at soon and then less often: what has taken a second is not
// found out noticeably later by a look each 50 ms, and looks cost what is being tested
// its processor time.
const (
	pollFirst   = 5 * time.Millisecond
	pollAtMost  = 100 * time.Millisecond
	pollSlowing = 20 // the next look comes after this part of the time waited so far
)

// Eventually waits until cond is true and fails the test at the deadline.
func Eventually(t testing.TB, deadline time.Duration, cond func() bool) {
	t.Helper()
	if !poll(deadline, cond) {
		t.Fatalf("not true within %v", deadline)
	}
}

func poll(deadline time.Duration, cond func() bool) bool {
	start := time.Now()
	for !cond() {
		waited := time.Since(start)
		if waited >= deadline {
			return false
		}
		pause := min(max(waited/pollSlowing, pollFirst), pollAtMost)
		time.Sleep(min(pause, deadline-waited))
	}
	return true
}
