package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// The emergency stop, of one organization and of all: nothing leaves, nothing is
// told as a failure, and what was asked for is carried out after it.
func TestNothingLeavesWhileSendingIsPaused(t *testing.T) {
	t.Parallel()
	for name, whom := range map[string]sponsorship.ID{"one": org, "all": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.mustFull()
			told, sent := len(b.syncEvents()), len(b.cloud.SyncRequests())
			jobstest.Must(t, b.ledger.Stop(t.Context(), whom, time.Now()))
			b.redeem(1)
			b.mustPending()
			job := b.jobID()
			err := b.sync.Full(t.Context(), org, job, ledger.Manual)
			if !jobs.IsSnooze(err) || !strings.HasPrefix(err.Error(), "paused: ") {
				t.Errorf("a person's sync: %v, want it to wait and to say why", err)
			}
			jobstest.Must(t, b.sync.Full(t.Context(), org, b.jobID(), ledger.Scheduled))
			o := b.organization()
			if !o.Stopped || o.LastError != nil || o.Failures != 0 || len(b.syncEvents()) != told {
				t.Errorf("stopped %v, told as a failure: %+v", o.Stopped, o.LastError)
			}
			if n := len(b.cloud.SyncRequests()); n != sent {
				t.Errorf("%d requests left", n-sent)
			}
			ended, err := b.ledger.Go(t.Context(), whom)
			jobstest.Must(t, err)
			jobstest.Must(t, b.sync.Full(t.Context(), org, job, ledger.Manual))
			b.is(1, "sent")
			if !ended || b.organization().Stopped {
				t.Error("not resumed")
			}
		})
	}
}

// It is looked at before each request, also in the middle of a sync, and takes no
// mark of what did not leave.
func TestPauseInTheMiddleOfASync(t *testing.T) {
	t.Parallel()
	b, w := watch(t, 6, nil)
	sent := len(b.cloud.SyncRequests())
	w.before = func(request int) {
		if request == 1 {
			jobstest.Must(t, b.ledger.Stop(t.Context(), org, time.Now()))
		}
	}
	if err := b.full(); !jobs.IsSnooze(err) {
		t.Errorf("got %v, want a snooze", err)
	}
	if n := len(b.cloud.SyncRequests()); n != sent+1 {
		t.Errorf("%d requests left, want the one before the pause", n-sent)
	}
	if o := b.organization(); o.LastError != nil {
		t.Errorf("told as a failure: %+v", o.LastError)
	}
}
