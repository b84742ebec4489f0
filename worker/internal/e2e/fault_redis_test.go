package e2e_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// TestRedisKilledAndStartedAgainUnderLoad: what was acknowledged is done,
// and neither the worker nor a producer needs a restart.
func TestRedisKilledAndStartedAgainUnderLoad(t *testing.T) {
	t.Parallel()
	each := scaled(100, 2000) // redeems of each of four producers
	l := setupFaults(t, 2, hasty...)
	w := l.worker()
	l.started()

	acknowledged := make(chan error, 4*each)
	var producers sync.WaitGroup
	for p := range 4 {
		producers.Go(func() {
			for n := p * each; n < (p+1)*each; n++ {
				acknowledged <- l.redeemOne(t.Context(), l.orgs[p%2], n)
			}
		})
	}
	kills := scaled(2, 10)
	for n := range 4 * each {
		jobstest.Must(t, <-acknowledged)
		if n%(4*each/(kills+1)) == 4*each/(kills+1)-1 && n < 4*each-each/10 {
			l.redis.Restart()
		}
	}
	producers.Wait()

	// The same worker, a new producer, and one that was there before.
	l.members[4*each] = &member{org: org, status: sponsorship.Sent, mailed: []string{address(4 * each)}}
	l.producer("", "redeem", "--org", string(org), "--user", string(user(4*each)), "--email", address(4*each)).ok()
	l.redeem(l.orgs[1], 4*each+1, 4*each+2)
	jobstest.Eventually(t, deadline, func() bool {
		records, err := l.ledger.Get(t.Context(), org, user(4*each))
		return err == nil && records[0].Status == sponsorship.Sent
	})
	w.stop()
	l.leasesExpire() // of jobs whose delivery, or whose end, was lost on the way
	l.worker()
	l.jobsDone(deadline)
	l.check()
}

// TestRedisAwayWhenAJobEnds: the cloud has done it, nobody can write it
// down; it is asked again later, and does nothing twice.
func TestRedisAwayWhenAJobEnds(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	w := l.worker()
	l.redeem(l.orgs[0], 0, 10)
	l.pending()
	gate := l.hold(cloudtest.AfterEffect, l.orgs[0])
	l.sync(l.orgs[0])
	l.arrived(gate)
	l.redis.Kill()
	gate.Release()
	jobstest.Eventually(t, deadline, func() bool { return w.attempts(jobs.KindSync, "retry") > 0 })
	l.redis.Restart()
	l.check()
	if codes := l.failures(); len(codes) > 0 {
		t.Errorf("our own trouble was told as the organization's: %v", codes)
	}
}

// TestTheEndOfAWakeUpIsLost: the queue takes a sync for running that has
// had its last look. What comes now must wake another one, and not be left to the
// sweep, which comes in an hour.
func TestTheEndOfAWakeUpIsLost(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, append(hasty, "SPONSORSYNC_SWEEP_INTERVAL=1h")...)
	p := l.behind("REDIS_URL", l.redis.URL)
	l.worker()
	l.started()
	trap := p.trap("asynq:{urgent}:processed", false)
	l.redeem(l.orgs[0], 0, 1)
	l.sprung(trap)
	l.redeem(l.orgs[0], 1, 2)
	l.check()
}

// TestRedisAwayDuringAJob: longer than the lease lasts. The request is
// given up while Redis is still away, since another worker might send it too by
// then; nothing is left running, and nobody is told of a failure.
func TestRedisAwayDuringAJob(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, append(hasty, "SPONSORSYNC_CLOUD_TIMEOUT=15s")...) // a lease is lost sooner
	w := l.worker()
	l.started()
	idle := w.metric("go_goroutines")
	gate := l.hold(cloudtest.BeforeEffect, l.orgs[0])
	l.redeem(l.orgs[0], 0, 10)
	l.arrived(gate)
	l.redis.Kill()
	jobstest.Eventually(t, deadline, func() bool { return l.cloud.Stats().Total.InFlight == 0 })
	if n := len(l.cloud.Mails()); n != 0 {
		t.Errorf("%d mails of a request that was given up", n)
	}
	if long() {
		<-time.After(45 * time.Second) // beyond the queue's own lease, too
	}
	gate.Release()
	l.redis.Restart()
	l.check()
	if codes := l.failures(); len(codes) > 0 {
		t.Errorf("our own trouble was told as the organization's: %v", codes)
	}
	jobstest.Eventually(t, deadline, func() bool { return w.metric("go_goroutines") <= idle+3 }) // metrics has its own
}

// TestRedisHangs: it keeps its connections and answers nothing. A short
// hang changes nothing; in a long one a producer gets an answer in time, and a
// worker still ends when it is told to.
func TestRedisHangs(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, append(hasty, "SPONSORSYNC_SHUTDOWN_TIMEOUT=5s")...)
	w := l.worker()
	l.redeem(l.orgs[0], 0, 10)
	l.pending()
	gate := l.hold(cloudtest.BeforeEffect, l.orgs[0])
	l.sync(l.orgs[0])
	l.arrived(gate)
	l.redis.Pause()
	<-time.After(4 * time.Second) // the fault
	l.redis.Resume()
	gate.Release()
	l.settled(deadline)
	if n := len(l.cloud.SyncRequests()); n != 1 {
		t.Errorf("%d requests because of four seconds without Redis, want 1", n)
	}

	second := l.hold(cloudtest.AfterEffect, l.orgs[0])
	l.redeem(l.orgs[0], 10, 20)
	l.arrived(second)
	l.redis.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := l.queue.Enqueue(ctx, jobs.Sync{OrganizationID: org}); fault.CodeOf(err) != fault.QueueUnavailable {
		t.Errorf("enqueue: %v, want queue_unavailable", err)
	}
	if r := l.producer("", "sync", "--org", string(org)); r.status != 1 || !strings.Contains(r.errors, string(fault.QueueUnavailable)) {
		t.Errorf("producer: status %d, want 1 with queue_unavailable\n%s", r.status, r.errors)
	}
	told := time.Now()
	w.cutOff()
	t.Logf("the worker ended %v after SIGTERM with Redis hanging", time.Since(told).Round(100*time.Millisecond))
	if long() {
		<-time.After(time.Minute)
	}
	second.Release()
	l.redis.Resume()
	l.leasesExpire()
	l.worker()
	l.jobsDone(deadline)
	l.check()
}

// TestRedisAnswersLost: jobs were handed out, and never came. They run
// again, on another connection and in another worker.
func TestRedisAnswersLost(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	p := l.behind("REDIS_URL", l.redis.URL)
	w := l.worker()
	l.started()
	p.keep(string(jobs.KindRedeem)) // each job that is handed out
	l.redeem(l.orgs[0], 0, 50)
	jobstest.Eventually(t, deadline, func() bool { return l.rdb.LLen(t.Context(), "asynq:{intake}:active").Val() > 1 })
	p.keep("")
	p.cut()
	l.redeem(l.orgs[0], 50, 60)
	jobstest.Eventually(t, deadline, func() bool { return l.count(sponsorship.Sent) >= 10 })
	w.stop()
	l.leasesExpire()
	l.worker()
	l.jobsDone(deadline)
	l.check()
}
