package reconcile_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestNoSyncBeginsWhoseEventsWouldNotFit(t *testing.T) {
	b := setup(t)
	b.ledger.OutboxLimit = 10
	for n := 1; n <= 3; n++ {
		b.redeem(n)
	}
	jobstest.FillOutbox(t, b.rdb, state.Shard(org), 10-3-3) // three more would fit
	err := b.full()
	if !jobs.IsSnooze(err) || !strings.Contains(err.Error(), string(fault.StoreFull)) {
		t.Fatalf("got %v, want a snooze that says store_full", err)
	}
	jobstest.Equal(t, "requests", len(b.cloud.SyncRequests()), 0)
	jobstest.Equal(t, "last error", b.organization().LastError == nil, true)
	jobstest.Must(t, b.rdb.Del(t.Context(), state.ShardKey(state.Shard(org), "outbox")).Err())
	b.mustFull() // the lease was given back
	b.is(1, "sent")
}
