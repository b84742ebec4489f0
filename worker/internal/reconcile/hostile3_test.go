//go:build hostile

package reconcile_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// Two workers, clocks five minutes apart. A is ahead and has synced; B's manual sync two minutes later does nothing.
func TestHostileClocksFiveMinutesApart(t *testing.T) {
	b := setup(t)
	b.redeem(1)
	b.redeem(2)
	b.clockOff.Store(int64(5 * time.Minute)) // worker A
	b.mustFull()
	b.clockOff.Store(int64(2 * time.Minute)) // two minutes later, worker B
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	n := len(b.cloud.SyncRequests())
	err = b.full()
	for _, r := range b.cloud.SyncRequests()[n:] {
		t.Log("B's manual sync sent", len(r.Rows), "rows of 2")
	}
	t.Log("result of the job:", err, "- row 1 is", describe(b.get(1)), "but was redeemed before the sync was asked for")
}

// An organization that failed as long as a week: how soon after connect?
func TestHostileDisabledOverlay(t *testing.T) {
	b := setup(t)
	b.cloud.RotateKey(b.remote.ID)
	b.redeem(1)
	t.Log(b.full())
	o := b.organization()
	t.Log("paused:", o.Paused, "last error:", o.LastError.Code)
	on := b.params.Cloud
	b.with(func(p *reconcile.Params) { p.Cloud = cloud.Disabled{} })
	t.Log(b.full())
	b.with(func(p *reconcile.Params) { p.Cloud = on })
	o = b.organization()
	t.Log("cloud is on again; paused:", o.Paused, "status page says:", o.LastError.Code)
	t.Log(b.pending(), b.organization().LastError.Code)
	_ = jobs.KindSync
}
