package e2e_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// TestWorkerKilledDuringACloudCall, at default settings: one organization
// before the cloud did anything, one after it did everything. Another worker has
// put the ledger right within a minute, without the queue's own recovery.
func TestWorkerKilledDuringACloudCall(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 2)
	victim := l.worker()
	l.redeem(l.orgs[0], 0, 5)
	l.redeem(l.orgs[1], 5, 10)
	l.pending()
	before := l.hold(cloudtest.BeforeEffect, l.orgs[0])
	after := l.hold(cloudtest.AfterEffect, l.orgs[1])
	l.sync(l.orgs...)
	l.arrived(before)
	l.arrived(after)
	l.worker()

	killed := time.Now()
	victim.kill()
	before.Release()
	after.Release()
	l.settled(deadline)
	took := time.Since(killed)
	t.Logf("repaired %v after kill -9", took.Round(100*time.Millisecond))
	if took > time.Minute {
		t.Errorf("repaired %v after kill -9, more than the minute that is promised", took)
	}
	l.check()
	if long() { // the queue's own recovery then finds nothing left to do
		requests := len(l.cloud.SyncRequests())
		l.jobsDone(4 * time.Minute)
		if n := len(l.cloud.SyncRequests()); n != requests {
			t.Errorf("%d more requests when the killed jobs ran again", n-requests)
		}
	}
}

// TestAJobOfAKilledWorkerIsDoneSoon, at default settings: the queue's own recovery
// would take a minute or two, and count an attempt.
func TestAJobOfAKilledWorkerIsDoneSoon(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1)
	victim := l.worker()
	l.jobsDone(deadline)
	gate := l.cloud.Hold(cloudtest.BeforeEffect, func(cloudtest.Request) bool { return true })
	l.sync(l.orgs...)
	l.arrived(gate)
	l.worker()
	victim.kill()
	gate.Release()
	l.jobsDone(35 * time.Second)
	l.check()
}

// TestAnIntakeJobOfAKilledWorkerIsDoneSoon, at default settings: the worker dies while
// the handler waits for Redis, before or after the wish is stored.
func TestAnIntakeJobOfAKilledWorkerIsDoneSoon(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]bool{"before the wish is stored": false, "after it is stored": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setupFaults(t, 1)
			direct := l.worker()
			l.redeem(l.orgs[0], 8, 9) // Redis has seen every script then, and takes them by name
			l.pending()
			direct.stop()
			proxy := l.behind("REDIS_URL", l.redis.URL)
			trap := proxy.trap("sponsorsync.sponsorship.pending", stored)
			victim := l.worker()
			l.redeem(l.orgs[0], 0, 1)
			l.sprung(trap)
			victim.kill()
			killed := time.Now()
			l.worker()
			l.jobsDone(settledWithin)
			t.Logf("done %v after kill -9", time.Since(killed).Round(100*time.Millisecond))
			l.started()
			l.check()
		})
	}
}

// hold closes a gate for an organization's requests that carry sponsorships.
func (l *lab) hold(stage cloudtest.Stage, o tenant) *cloudtest.Gate {
	return l.cloud.Hold(stage, func(r cloudtest.Request) bool { return r.OrganizationID == o.remote.ID && len(r.Rows) > 0 })
}

func (l *lab) arrived(gate *cloudtest.Gate) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), deadline)
	defer cancel()
	_, err := gate.Wait(ctx)
	jobstest.Must(l.t, err)
}

// TestKillsAtRandomMomentsUnderTraffic: nothing lost, nothing mailed
// twice, every event once by id and in order.
func TestKillsAtRandomMomentsUnderTraffic(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	l := setupFaults(t, 6, hasty...)
	workers := []*program{l.worker(), l.worker()}
	l.started()
	l.cloud.Inject(cloudtest.Slow(30 * time.Millisecond).Times(-1)) // so that kills meet requests

	ctx, stop := context.WithCancel(t.Context())
	traffic := make(chan error, 1)
	go func() { traffic <- l.traffic(ctx, rand.New(rand.NewPCG(seed, 1))) }()
	for range scaled(8, 200) {
		<-time.After(time.Duration(rnd.IntN(1500)) * time.Millisecond) // the random moment
		victim := rnd.IntN(len(workers))
		workers[victim].kill()
		workers[victim] = l.system.worker() // and perhaps killed before it is up
	}
	stop()
	jobstest.Must(t, <-traffic)
	if !long() {
		for _, w := range workers {
			w.kill()
		}
		l.leasesExpire()
		l.worker()
	}
	l.jobsDone(scaled(deadline, 5*time.Minute))
	l.settled(deadline)
	l.check()
	t.Logf("%d jobs, %d requests, %d mails", len(l.acked), len(l.cloud.SyncRequests()), len(l.cloud.Mails()))
}

// traffic redeems, changes, revokes and syncs at random until ctx ends. A member
// is changed or revoked once, and only when its redeem has been carried out, so
// that the outcome is certain whatever order jobs run in.
func (l *lab) traffic(ctx context.Context, rnd *rand.Rand) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var open []int
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		o := l.orgs[rnd.IntN(len(l.orgs))]
		var err error
		switch dice := rnd.IntN(100); {
		case dice < 2:
			err = l.enqueue(l.t.Context(), jobs.Sync{OrganizationID: o.id})
		case dice < 50 && len(open) > 0:
			pick := rnd.IntN(len(open))
			var done bool
			if done, err = l.followUp(open[pick], dice < 20); done {
				open = append(open[:pick], open[pick+1:]...)
			}
		default:
			err = l.redeemOne(l.t.Context(), o, n)
			open = append(open, n)
			n++
		}
		if err != nil {
			return err
		}
	}
}

// followUp changes or revokes a member's sponsorship, if there is one yet.
func (l *lab) followUp(n int, revoke bool) (done bool, err error) {
	records, err := l.ledger.Get(l.t.Context(), l.members[n].org, user(n))
	if err != nil || records[0].Status != sponsorship.Pending && records[0].Status != sponsorship.Sent {
		return false, err
	}
	if revoke {
		return true, l.revoke(l.t.Context(), n)
	}
	return true, l.change(l.t.Context(), n)
}

// TestKilledBetweenTheCloudsAnswerAndItsRecord: at each place where an
// answer of the cloud is on its way into the ledger, and the job's end into the
// queue.
func TestKilledBetweenTheCloudsAnswerAndItsRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     string
		forward  bool
		requests int // with rows, in all
	}{
		"before the ledger is written": {"sponsorsync.sponsorship.sent", false, 2},
		"after the ledger is written":  {"sponsorsync.sponsorship.sent", true, 1},
		"before the queue is told":     {"asynq:{urgent}:processed", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setupFaults(t, 2, hasty...)
			proxy := l.behind("REDIS_URL", l.redis.URL)
			victim := l.worker()
			l.redeem(l.orgs[1], 5, 6) // Redis has seen every script then, and takes them by name
			l.pending()
			l.sync(l.orgs[1])
			l.settled(deadline)
			l.jobsDone(deadline)
			trap := proxy.trap(c.text, c.forward)
			l.redeem(l.orgs[0], 0, 5)
			jobstest.Eventually(t, deadline, func() bool { return l.count(sponsorship.Pending) == 5 })
			l.sync(l.orgs[0])
			l.sprung(trap)
			victim.kill()
			l.leasesExpire()
			l.worker()
			l.jobsDone(deadline)
			l.check()
			requests := 0
			for _, r := range l.cloud.SyncRequests() {
				if r.OrganizationID == l.orgs[0].remote.ID {
					requests += min(len(r.Rows), 1)
				}
			}
			if requests != c.requests {
				t.Errorf("%d requests with sponsorships, want %d", requests, c.requests)
			}
		})
	}
}
