//go:build hostile

package reconcile_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

func TestHostileClockAYearAhead(t *testing.T) {
	b := setup(t)
	b.redeem(1)
	b.clockOff.Store(int64(365 * 24 * time.Hour)) // one worker, one minute after a boot without NTP
	b.mustFull()
	b.clockOff.Store(0)
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	before := len(b.cloud.SyncRequests())
	for day := range 3 {
		b.clockOff.Store(int64(day) * int64(24*time.Hour))
		b.mustFull() // a person's
	}
	for _, r := range b.cloud.SyncRequests()[before:] {
		t.Log("manual full sync sent rows:", len(r.Rows))
	}
	o := b.organization()
	t.Log("row is", describe(b.get(1)), "lastSyncAt", b.get(1).LastSyncAt, "org lastSyncAt", o.LastSyncAt, "error", o.LastError)
}

func TestHostileClockAYearAheadSchedule(t *testing.T) {
	b := setup(t)
	b.clockOff.Store(int64(365 * 24 * time.Hour))
	b.mustFull()
	b.clockOff.Store(0)
	n := 0
	for day := 1; day <= 60; day++ {
		b.clockOff.Add(int64(24 * time.Hour))
		due, _, err := b.ledger.DueSyncs(t.Context(), state.Shard(org), ledger.Look{Limit: 10})
		jobstest.Must(t, err)
		n += len(due)
	}
	t.Log("scheduled syncs due within 60 days:", n, "next", b.organization().NextSyncAt)
}

func TestHostileClockAheadBackoff(t *testing.T) {
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	b.cloud.Inject(cloudtest.Unavailable().Times(1))
	b.clockOff.Store(int64(24 * time.Hour))
	t.Log(b.pending())
	b.clockOff.Store(0)
	b.redeem(2)
	err := b.pending()
	d, _ := jobs.Delay(err)
	t.Log("a worker with the right clock:", err, "waits", d)
}

func TestHostileBeginAnswerLost(t *testing.T) {
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	a := ledger.Attempt{Token: "same", Automatic: true}
	_, err := b.ledger.Begin(t.Context(), org, a) // the answer is lost; go-redis repeats
	jobstest.Must(t, err)
	again, err := b.ledger.Begin(t.Context(), org, a)
	t.Logf("repeat by the holder itself: busy=%v %v", again.Busy, err)
}
