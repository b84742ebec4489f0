package reconcile_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// redisAt sets Redis' clock.
func (b *bundle) redisAt(at time.Time) {
	b.t.Helper()
	b.server.SetTime(at)
	jobstest.Must(b.t, b.ledger.Beat(b.t.Context()))
}

// whileAYearAhead does something while Redis' clock is a year ahead, for a minute.
func (b *bundle) whileAYearAhead(do func()) {
	b.t.Helper()
	start := time.Now()
	b.redisAt(start)
	b.redisAt(start.Add(365 * day))
	do()
	b.redisAt(start.Add(time.Minute))
	b.redisAt(start.Add(time.Minute + time.Second))
}

func TestASyncWhileRedisIsAYearAheadHidesNothingLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.whileAYearAhead(b.mustFull)
	b.is(1, "sent")
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	b.mustFull()
	b.is(1, "redeemed")
}

func TestTheScheduleOutlivesAYearAhead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.whileAYearAhead(b.mustFull)
	due := func() int {
		t.Helper()
		found, _, err := b.ledger.DueSyncs(t.Context(), state.Shard(org), ledger.Look{Limit: 10})
		jobstest.Must(t, err)
		return len(found)
	}
	if n := due(); n != 0 {
		t.Errorf("%d syncs due right after one", n)
	}
	b.clockOff.Add(int64(day * 110 / 100))
	if n := due(); n != 1 {
		t.Errorf("%d syncs due an interval and a tenth later, want 1", n)
	}
}

func TestABackoffThatBeganAYearAheadIsNoLonger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	b.whileAYearAhead(b.failOnce)
	b.redeem(2)
	b.clockOff.Add(int64(2 * time.Second))
	b.mustPending()
	b.is(2, "sent")
}

// A worker that booted without a clock, in the year 2000, takes part like any other:
// every date is set by the ledger's time.
func TestAWorkerWithoutAClockHarmsNothing(t *testing.T) {
	b := setup(t)
	b.redeem(1)
	synctest.Test(t, func(t *testing.T) { // here it is 2000
		rdb := redis.NewClient(b.rdb.(*redis.Client).Options())
		defer rdb.Close()
		client := b.newClient(0)
		defer client.Close()
		p := b.params
		p.Ledger, p.Cloud = b.newLedger(rdb), client
		jobstest.Must(t, p.Ledger.Beat(t.Context()))
		worker := jobstest.Value(reconcile.New(p))(t)
		jobstest.Must(t, worker.Full(t.Context(), org, "astray", ledger.Manual))
	})
	if ago := time.Since(*b.get(1).LastSyncAt).Abs(); ago > time.Hour {
		t.Errorf("the row was synced %s from now", ago)
	}
	if next := time.Until(*b.organization().NextSyncAt); next < 23*time.Hour || next > day*110/100 {
		t.Errorf("the next sync is in %s", next)
	}
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	b.mustFull()
	b.is(1, "redeemed")
}

// By Redis' clock what has two months to go is long over; the worker's own knows better.
func TestNothingLapsesBecauseRedisWasAYearAhead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.mustFull()
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	jobstest.Must(t, b.cloud.Renew(b.remote.ID, string(user(1)), time.Now().Add(60*day)))
	b.mustFull()
	b.is(1, "redeemed")
	b.whileAYearAhead(b.mustFull)
	b.is(1, "redeemed")
	b.mustFull()
	b.is(1, "redeemed")
}

func TestNothingLapsesBecauseAWorkerIsAYearAhead(t *testing.T) {
	t.Parallel()
	b := setup(t).with(func(p *reconcile.Params) {
		p.Now = func() time.Time { return time.Now().Add(365 * day) }
	})
	b.redeem(1)
	b.mustFull()
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	jobstest.Must(t, b.cloud.Renew(b.remote.ID, string(user(1)), time.Now().Add(60*day)))
	b.mustFull()
	b.mustFull()
	b.is(1, "redeemed")
}
