package jobstest

import (
	"testing"
	"time"
)

// Timeout is how long the Require functions wait. It is generous because it costs
// nothing when all is well.
const Timeout = 90 * time.Second

const pollEvery = 5 * time.Millisecond

// Eventually waits until cond is true and fails the test at the deadline.
func Eventually(t testing.TB, deadline time.Duration, cond func() bool) {
	t.Helper()
	if !poll(deadline, cond) {
		t.Fatalf("not true within %v", deadline)
	}
}

func poll(deadline time.Duration, cond func() bool) bool {
	timeout := time.NewTimer(deadline)
	defer timeout.Stop()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for !cond() {
		select {
		case <-timeout.C:
			return cond()
		case <-ticker.C:
		}
	}
	return true
}
