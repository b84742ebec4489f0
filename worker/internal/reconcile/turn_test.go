package reconcile_test

import (
	"context"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// crowded is a cloud whose turns are far away after the first few.
type crowded struct {
	reconcile.Cloud
	free int
}

func (c *crowded) Turn(ctx context.Context, lane cloud.Lane) error {
	if c.free == 0 {
		return &cloud.NotYet{After: time.Minute}
	}
	c.free--
	return c.Cloud.Turn(ctx, lane)
}

// Our own limit is no failure of the organization's: no event, no backoff, no
// attempt, and a full sync goes on where it was.
func TestWaitingForOurOwnLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	for n := range 5 {
		b.redeem(n)
	}
	b.mustPending()
	told := len(b.syncEvents())
	crowd := &crowded{Cloud: b.params.Cloud, free: 2}
	b.with(func(p *reconcile.Params) { p.Cloud, p.BatchSize = crowd, 2 })
	job := b.jobID()
	err := b.sync.Full(t.Context(), org, job, "manual")
	if delay, _ := jobs.Delay(err); !jobs.IsSnooze(err) || delay != time.Minute {
		t.Fatalf("got %v, want a snooze of a minute", err)
	}
	o := b.organization()
	if o.LastError != nil || o.Failures != 0 || o.RetryAt != nil || len(b.syncEvents()) != told {
		t.Errorf("told as a failure: %+v", o)
	}
	crowd.free = 100
	jobstest.Must(t, b.sync.Full(t.Context(), org, job, "manual"))
	if left := 100 - crowd.free; left != 1 {
		t.Errorf("%d more requests, want the one that was missing", left)
	}
}
