package reconcile_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

func TestMoreBadRowsThanOneSearchFindsWaitForTheOthers(t *testing.T) {
	t.Parallel()
	const n = 200
	b := setup(t).with(func(p *reconcile.Params) { p.BatchSize = 100 })
	b.mustFull()
	b.redeemMany(n)
	bad := make([]int, 50)
	for i := range bad {
		bad[i] = 2 * i
	}
	b.choke(bad...)
	for range 2 {
		if fault.CodeOf(b.pending()) != fault.CloudUnavailable {
			t.Fatal("want patience first")
		}
		b.clockOff.Add(int64(time.Hour))
	}
	waited := false
	last := string(user(n - 1))
	b.cloud.OnSync(b.whenSent(last, func() { waited = b.tally(100)["pending(redeem) cloud_unavailable"] > 0 }))
	b.mustPending()
	if !waited {
		t.Error("no row that waits said why, or the others did not go first")
	}
	if got := b.tally(n); got["refused not_accepted"] != 50 || len(b.cloud.Mails()) != n-50 {
		t.Errorf("%v, and %d mails; want 50 refused, and the others mailed", got, len(b.cloud.Mails()))
	}
	probes := 0
	for _, r := range b.cloud.SyncRequests() {
		if len(r.Rows) == 1 && r.Rows[0].ToDelete {
			probes++
		}
	}
	if probes != 2 {
		t.Errorf("%d searches, want two", probes)
	}
}

// A worker that is cut off after a search leaves the order to the next one.
func TestAnotherWorkerTriesLastWhatOneSearchLeft(t *testing.T) {
	t.Parallel()
	const n = 200
	b := setup(t).with(func(p *reconcile.Params) { p.BatchSize = 100 })
	b.mustFull()
	b.redeemMany(n)
	bad := make([]int, 50)
	for i := range bad {
		bad[i] = 2 * i
	}
	b.choke(bad...)
	for range 2 {
		if fault.CodeOf(b.pending()) != fault.CloudUnavailable {
			t.Fatal("want patience first")
		}
		b.clockOff.Add(int64(time.Hour))
	}
	last := string(user(n - 1))
	b.cloud.Inject(cloudtest.RateLimitedFor(1).When(func(r cloudtest.Request) bool { return slices.Contains(r.RowKeys(), last) }))
	if err := b.pending(); fault.CodeOf(err) != fault.CloudRateLimited {
		t.Fatalf("err = %v, want cloud_rate_limited for the others", err)
	}
	left := b.tally(100)["pending(redeem) cloud_unavailable"]
	if left == 0 {
		t.Fatal("the search left nothing")
	}

	b.with(func(*reconcile.Params) {}) // a worker that remembers nothing
	b.clockOff.Add(int64(10 * time.Second))
	before := len(b.cloud.SyncRequests())
	b.mustPending()
	sent := b.cloud.SyncRequests()[before:]
	if len(sent) != 1 || len(sent[0].Rows) != 100 || !slices.Contains(sent[0].RowKeys(), last) {
		t.Errorf("%d requests, want one with the 100 others", len(sent))
	}
	jobstest.Equal(t, "rows that wait still", b.tally(n)["pending(redeem) cloud_unavailable"], left)

	b.clockOff.Add(int64(time.Minute))
	for range 3 { // the two attempts of patience, and the search
		_ = b.pending()
		b.clockOff.Add(int64(time.Hour))
	}
	if got := b.tally(n); got["refused not_accepted"] != 50 || len(b.cloud.Mails()) != n-50 {
		t.Errorf("%v, and %d mails; want 50 refused, and the others mailed", got, len(b.cloud.Mails()))
	}
}
