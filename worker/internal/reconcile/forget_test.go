package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/sweep"
)

// sweepOnce is what the scheduler task asks for.
func (b *bundle) sweepOnce() {
	b.t.Helper()
	sweeper, err := sweep.New(sweep.Params{
		Ledger: b.ledger, Enqueuer: enqueue.NewSystem(enqueue.New(b.rdb, enqueue.Options{})), Interval: time.Hour, Grace: time.Hour, SyncInterval: 24 * time.Hour, ForgetAfter: 90 * 24 * time.Hour,
		Trim: func(context.Context) error { return nil }, Log: zerolog.Nop(),
	})
	jobstest.Must(b.t, err)
	jobstest.Must(b.t, sweeper.Sweep(b.t.Context(), jobs.Job[jobs.Sweep]{}))
}

// rows is all that the ledger holds of the members.
func (b *bundle) rows() string {
	b.t.Helper()
	return fmt.Sprint(jobstest.Value(b.rdb.HGetAll(b.t.Context(), state.Key(org, "rows")).Result())(b.t))
}

// Fifty members whose offers were withdrawn, a year later.
func TestNobodyIsRememberedForever(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const members = 50
	for n := 1; n <= members+1; n++ {
		b.redeem(n)
	}
	b.mustFull()
	for n := 1; n <= members; n++ {
		jobstest.Must(t, b.change(n, revoke))
	}
	b.mustPending()
	b.is(7, "removed")
	last := b.get(7)
	b.clockOff.Store(int64(89 * 24 * time.Hour))
	b.sweepOnce()
	if strings.Count(b.rows(), address(7)) == 0 {
		t.Error("forgotten before its time")
	}
	b.clockOff.Store(int64(365 * 24 * time.Hour))
	b.sweepOnce()
	for n := 1; n <= members; n++ {
		if strings.Contains(b.rows(), address(n)) {
			t.Errorf("the address of member %d is still there", n)
		}
	}
	if !strings.Contains(b.rows(), address(members+1)) {
		t.Error("an offer that lives was forgotten")
	}
	b.mustFull()
	b.is(7, "removed")

	b.redeem(7) // goes on in order
	b.mustPending()
	b.is(7, "sent")
	if s := b.get(7); s.Revision <= last.Revision || b.mails(7) != 2 {
		t.Errorf("offered anew: revision %d after %d, %d mails", s.Revision, last.Revision, b.mails(7))
	}
}
