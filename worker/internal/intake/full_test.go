package intake_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// What was acknowledged before the outbox was full waits for room, for as long as
// it takes: neither done without its event, nor dead.
func TestAFullOutboxMakesAJobWait(t *testing.T) {
	b := setup(t).started()
	b.ledger.OutboxLimit = 10
	jobstest.FillOutbox(t, b.rdb, state.Shard(org), 10)
	err := b.redeem("job", mum)
	if !jobs.IsSnooze(err) || !strings.Contains(err.Error(), string(fault.StoreFull)) {
		t.Fatalf("got %v, want a snooze that says store_full", err)
	}
	found, err := b.ledger.Get(t.Context(), org, member)
	jobstest.Must(t, err)
	jobstest.Equal(t, "status", found[0].Status, "")
	jobstest.Must(t, b.rdb.Del(t.Context(), state.ShardKey(state.Shard(org), "outbox")).Err())
	jobstest.Must(t, b.redeem("job", mum))
	b.is(sponsorship.Pending, sponsorship.Pending)
}
