package license_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

// Waiting for our own limit uses no attempt, and nobody is told.
func TestLicenseSyncWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	b.params.Cloud = busy{}
	err := b.run(t, "job-1", 30)
	if delay, _ := jobs.Delay(err); !jobs.IsSnooze(err) || delay != time.Minute {
		t.Errorf("got %v", err)
	}
	b.waits(t, err)
}

// busy is a cloud whose next turn is a minute away.
type busy struct{ license.Cloud }

func (busy) Allowed() error                                { return nil }
func (busy) LicenseTurn(context.Context, cloud.Lane) error { return &cloud.NotYet{After: time.Minute} }

// While sending is paused nothing leaves, and the job waits without losing attempts.
func TestLicenseSyncWaitsWhileSendingIsPaused(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	jobstest.Must(t, b.params.Ledger.Stop(t.Context(), licensee, time.Now()))
	err := b.run(t, "job-1", 30)
	if !jobs.IsSnooze(err) || !strings.HasPrefix(err.Error(), "paused: ") {
		t.Errorf("got %v", err)
	}
	b.waits(t, err)
	if n := len(b.cloud.Requests()); n != 0 {
		t.Errorf("%d requests left", n)
	}
	ended, err := b.params.Ledger.Go(t.Context(), licensee)
	jobstest.Must(t, err)
	jobstest.Must(t, b.run(t, "job-1", 30))
	if !ended {
		t.Error("there was nothing to resume")
	}
}
