package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// TestCloudHangs: no call outlives its timeout, no more run at once than
// are allowed, then the circuit opens and nothing is sent until a probe; intake
// goes on all the while.
func TestCloudHangs(t *testing.T) {
	t.Parallel()
	const slots = 3 // of 2 handlers: two for what somebody waits for, and one at least for the rest
	l := setupFaults(t, 6, append(hasty, "SPONSORSYNC_CLOUD_TIMEOUT=1s", "SPONSORSYNC_CLOUD_CONCURRENCY=2")...)
	w := l.worker()
	l.started()
	gate := l.cloud.Hold(cloudtest.BeforeEffect, nil)
	before := len(l.cloud.SyncRequests())
	for n, o := range l.orgs {
		l.redeem(o, n*10, n*10+10)
	}
	// Every organization has been turned away.
	jobstest.Eventually(t, deadline, func() bool {
		return w.attempts(jobs.KindSyncPending, "retry")+w.attempts(jobs.KindSyncLeft, "retry") >= 6
	})
	if n := len(l.cloud.SyncRequests()) - before; n < 3 || n > 3+slots {
		t.Errorf("%d requests to a cloud that hangs, want the 3 that open the circuit and what was under way", n)
	}
	l.pending()
	gate.Release()
	l.check()
	if n := l.cloud.Stats().Total.MaxInFlight; n > slots {
		t.Errorf("%d requests at once, want at most %d", n, slots)
	}
	l.noneDead()
}

// TestNetworkToTheCloudBreaks between the request and its answer: nobody
// here can know what became of it, and no offer is mailed twice.
func TestNetworkToTheCloudBreaks(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*proxy) (mended func()){
		"requests are stuck": (*proxy).stall,
		"answers are lost": func(p *proxy) func() {
			p.swallow(true)
			return func() { p.swallow(false) }
		},
		"connections are reset": func(p *proxy) func() {
			trap := p.trap("POST "+cloudtest.PathSync, true)
			return func() { <-trap.sprung; p.cut() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setupFaults(t, 1, append(hasty, "SPONSORSYNC_CLOUD_TIMEOUT=1s")...)
			p, url := between(t, l.cloud.URL())
			l.env = append(l.env, "globalSettings__installation__identityUri="+url, "globalSettings__installation__apiUri="+url)
			w := l.worker()
			l.started()
			mend := broken(p)
			l.redeem(l.orgs[0], 0, 10)
			if name != "connections are reset" {
				jobstest.Eventually(t, deadline, func() bool { return w.attempts(jobs.KindSyncPending, "retry") > 0 })
			}
			mend()
			l.check()
			l.noneDead()
		})
	}
}

// TestChangedWhileTheCloudIsSlow: the answer is old news by then for one
// member, and must not undo what was asked for meanwhile.
func TestChangedWhileTheCloudIsSlow(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]cloudtest.Stage{"before the effect": cloudtest.BeforeEffect, "after it": cloudtest.AfterEffect} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setupFaults(t, 1, hasty...)
			l.worker()
			l.started()
			gate := l.hold(stage, l.orgs[0])
			l.redeem(l.orgs[0], 0, 1)
			l.arrived(gate)
			l.redeem(l.orgs[0], 1, 10)
			jobstest.Must(t, l.change(t.Context(), 0))
			l.jobsDone(deadline)
			gate.Release()
			l.check()
			l.redeem(l.orgs[0], 10, 12)
			l.settled(deadline)
			second := l.hold(stage, l.orgs[0])
			jobstest.Must(t, l.change(t.Context(), 10))
			l.arrived(second)
			jobstest.Must(t, l.revoke(t.Context(), 11))
			l.jobsDone(deadline)
			second.Release()
			l.check()
		})
	}
}

func (l *lab) noneDead() {
	l.t.Helper()
	for s, err := range l.inspector.Dead(l.t.Context()) {
		jobstest.Must(l.t, err)
		l.t.Errorf("job %s of kind %s is dead: %v", s.ID, s.Kind, s.LastError)
	}
}

// TestRateLimitedAndUnavailable: Retry-After in both its forms holds all
// workers back, and nothing is given up.
func TestRateLimitedAndUnavailable(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 4, hasty...)
	l.worker()
	l.worker()
	l.started()
	// An HTTP date is in whole seconds: three ahead are two at least.
	l.cloud.Inject(cloudtest.RateLimitedFor(2))
	l.cloud.Inject(cloudtest.RateLimited(time.Now().Add(10 * time.Second).UTC().Format(http.TimeFormat)))
	l.cloud.Inject(cloudtest.Unavailable().Times(2))
	for n, o := range l.orgs {
		l.redeem(o, n*10, n*10+10)
	}
	l.check()
	l.noneDead()
	all := l.cloud.SyncRequests()
	for i, r := range all {
		if r.Status != http.StatusTooManyRequests {
			continue
		}
		for _, later := range all[i+1:] {
			// A second for what was on its way already, when the answer came.
			if wait := later.At.Sub(r.At); wait > time.Second && wait < 2*time.Second-50*time.Millisecond {
				t.Errorf("a request %v after a 429 with two seconds or more of Retry-After", wait)
			}
		}
	}
}

// TestTheLimitsHold: two workers and twelve organizations at once, under the
// limits that the cloud publishes: it never has to say no.
func TestTheLimitsHold(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, scaled(8, 60), append(hasty, "SPONSORSYNC_CLOUD_RATE=60", "SPONSORSYNC_CLOUD_BURST=5")...)
	l.cloud.SetLimits(cloudtest.DefaultLimits())
	l.worker()
	l.worker()
	for n, o := range l.orgs {
		l.redeem(o, n*10, n*10+2)
	}
	l.pending()
	l.sync(l.orgs...)
	l.check()
	if n := l.cloud.Stats().RateLimited; n > 0 {
		t.Errorf("%d requests were one too many", n)
	}
	l.noneDead()
}

// TestOneOfABatchIsBad: the cloud fails every request that holds it. The
// others go through once, it alone is refused with a reason; mended, it alone is
// sent again.
func TestOneOfABatchIsBad(t *testing.T) {
	t.Parallel()
	const bad = 3
	l := setupFaults(t, 1, hasty...)
	l.worker()
	l.started()
	l.cloud.Inject(cloudtest.ServerError().Times(-1).When(func(r cloudtest.Request) bool {
		for _, row := range r.Rows {
			if !row.ToDelete && *row.OfferedToEmail == address(bad) {
				return true
			}
		}
		return false
	}))
	l.redeem(l.orgs[0], 0, 5)
	l.members[bad].status, l.members[bad].mailed = sponsorship.Refused, nil
	l.settled(deadline)
	records, err := l.ledger.Get(t.Context(), org, user(bad))
	jobstest.Must(t, err)
	if records[0].Reason == nil || records[0].Reason.Message == "" {
		t.Errorf("refused without a reason: %+v", records[0].Reason)
	}
	l.check()

	seen := len(l.cloud.SyncRequests())
	jobstest.Must(t, l.change(t.Context(), bad))
	l.jobsDone(deadline)
	l.check()
	for _, r := range l.cloud.SyncRequests()[seen:] {
		for _, row := range r.Rows {
			if row.OrganizationUserID != string(user(bad)) {
				t.Errorf("%s was sent again because of another one", row.OrganizationUserID)
			}
		}
	}
}
