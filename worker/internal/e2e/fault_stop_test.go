package e2e_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/sweep"
)

// TestAHeldOrganizationIsLeftAlone by ten minutes, either way: a worker whose clock is
// ahead takes work for stuck that is being done. It may ask, but the lease is
// time left, not a date, and nobody takes it early.
func TestAHeldOrganizationIsLeftAlone(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	l.worker()
	l.worker()
	l.started()
	gate := l.hold(cloudtest.BeforeEffect, l.orgs[0])
	l.redeem(l.orgs[0], 0, 10)
	l.arrived(gate)
	sweeper, err := sweep.New(sweep.Params{
		Ledger: l.ledger, Enqueuer: enqueue.NewSystem(l.queue), Interval: time.Hour, Grace: 10 * time.Second, CloudEnabled: true,
		SyncInterval: 24 * time.Hour, ForgetAfter: time.Hour,
		Trim: func(context.Context) error { return nil }, Log: zerolog.Nop(),
	})
	jobstest.Must(t, err)
	jobstest.Must(t, sweeper.Wake(t.Context()))
	begun, err := l.ledger.Begin(t.Context(), org, ledger.Attempt{Token: newID()})
	jobstest.Must(t, err)
	if !begun.Busy {
		t.Errorf("an organization that a sync holds was taken: %+v", begun)
	}
	l.quiet()
	gate.Release()
	l.check()
}

// quiet waits until no job waits or runs but the one that is held.
func (l *lab) quiet() {
	l.t.Helper()
	jobstest.Eventually(l.t, deadline, func() bool {
		ctx := l.t.Context()
		return l.rdb.LLen(ctx, "asynq:{urgent}:pending").Val() == 0 && l.rdb.LLen(ctx, "asynq:{urgent}:active").Val() == 1
	})
}

// TestSIGTERMInTheMiddleOfARequest: one that ends in time is recorded; the job of
// one that hangs is given back, and that counts no attempt.
func TestSIGTERMInTheMiddleOfARequest(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*lab, *program, *cloudtest.Gate){
		"the request ends in time": func(l *lab, w *program, gate *cloudtest.Gate) {
			ended := w.terminate()
			gate.Release()
			ended()
			if l.count("sent") != 10 {
				l.t.Error("the request's answer was not recorded")
			}
			if n := l.waiting(); n > 0 {
				l.t.Errorf("%d events were left in the outbox, though NATS was there", n)
			}
		},
		"SIGHUP, by a terminal that closes": func(l *lab, w *program, gate *cloudtest.Gate) {
			jobstest.Must(l.t, w.cmd.Process.Signal(syscall.SIGHUP))
			gate.Release()
			w.exits(0)
			if l.count("sent") != 10 {
				l.t.Error("the request's answer was not recorded")
			}
		},
		"the request hangs": func(l *lab, w *program, gate *cloudtest.Gate) {
			w.cutOff()
			gate.Release()
			status, found, err := l.inspector.Job(l.t.Context(), l.acked[len(l.acked)-1])
			if err != nil || !found || status.Attempts != 0 || status.LastError != nil {
				l.t.Errorf("the interrupted job is %+v, %v, %v; want no attempt used and no error", status, found, err)
			}
		},
		"twice": func(l *lab, w *program, gate *cloudtest.Gate) {
			jobstest.Must(l.t, w.cmd.Process.Signal(syscall.SIGTERM))
			jobstest.Eventually(l.t, deadline, func() bool { // the first was heard: the second kills
				_ = w.cmd.Process.Signal(syscall.SIGTERM)
				return !w.running()
			})
			if w.cmd.ProcessState.Success() {
				l.t.Error("status 0 after a second SIGTERM")
			}
			gate.Release()
			l.leasesExpire()
		},
		"NATS is away": func(l *lab, w *program, gate *cloudtest.Gate) {
			l.nats.Kill()
			ended := w.terminate()
			gate.Release()
			ended()
			if l.waiting() == 0 {
				l.t.Error("no event waits in the outbox")
			}
			l.natsBack()
		},
	}
	for name, during := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setupFaults(t, 1, append(hasty, "SPONSORSYNC_SHUTDOWN_TIMEOUT=4s")...)
			w := l.worker()
			l.redeem(l.orgs[0], 0, 10)
			l.pending()
			gate := l.hold(cloudtest.BeforeEffect, l.orgs[0])
			l.sync(l.orgs[0])
			l.arrived(gate)
			during(l, w, gate)
			l.worker()
			l.jobsDone(deadline)
			l.check()
			l.noneDead()
		})
	}
}
