package state_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestSchedulerLives(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s    state.Scheduler
		want bool
	}{
		"never seen":      {state.Scheduler{}, false},
		"just swept":      {state.Scheduler{Interval: time.Second}, true},
		"a little late":   {state.Scheduler{Interval: time.Second, Silent: 13 * time.Second}, true},
		"gone":            {state.Scheduler{Interval: time.Second, Silent: 14 * time.Second}, false},
		"a long interval": {state.Scheduler{Interval: time.Hour, Silent: 2 * time.Hour}, true},
	} {
		jobstest.Equal(t, name, c.s.Lives(), c.want)
	}
}
