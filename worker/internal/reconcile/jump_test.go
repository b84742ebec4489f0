package reconcile_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// redisClock sets Redis' clock off by so much, and lets the ledger notice.
func (b *bundle) redisClock(off time.Duration) {
	b.t.Helper()
	b.server.SetTime(time.Now().Add(off))
	jobstest.Must(b.t, b.ledger.Beat(b.t.Context()))
}

const year = 365 * 24 * time.Hour

// What waits for the cloud goes on waiting, both when the clock goes wrong and when
// it is put right: nobody knows how long it really was.
func TestRedisAYearAheadForAMinuteDoublesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	s := b.stall(b.sync)
	s.end()
	<-s.over
	for _, off := range []time.Duration{year, year + time.Minute, time.Minute, -time.Hour, 2 * time.Minute} {
		b.redisClock(off)
		b.mustPending()
		b.is(1, "pending(redeem) cloud_unavailable")
	}
	if b.requests() != 1 {
		t.Errorf("%d requests while the first is at work", b.requests())
	}
	s.goesOn()
	b.afterGrace()
	b.mustPending()
	b.is(1, "sent mail_uncertain")
	b.notDoubled()
}

// A daily sync that ran in the wrong minute does not put the next one off by a year.
func TestRedisAYearAheadForAMinuteKeepsTheDailySyncs(t *testing.T) {
	t.Parallel()
	b := sent(t)
	b.redisClock(year)
	b.mustScheduled()
	b.redisClock(0)
	next := b.organization().NextSyncAt
	if next == nil {
		t.Fatal("no daily sync is due any more")
	}
	if wait := next.Sub(b.ledger.Now(org)); wait < b.params.Interval-time.Minute || wait > b.params.Interval*11/10 {
		t.Errorf("the next daily sync is due in %v, want an interval of %v and a tenth at most", wait, b.params.Interval)
	}
}
