package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// draining is a worker that was told to stop while the cloud is at work on its
// request.
type draining struct {
	t      *testing.T
	ledger *ledger.Ledger
	gate   *cloudtest.Gate
	status chan int
	errs   *lines
}

func drain(t *testing.T, timeout string) draining {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	remote := cloudtest.New(cloudtest.Options{Now: time.Now})
	jobstest.Must(t, remote.Start())
	t.Cleanup(func() { jobstest.Must(t, remote.Close()) })
	installation, tenant := remote.AddInstallation(), remote.AddOrganization()

	rdb := jobstest.Value(enqueue.NewRedis(stack.RedisURL()))(t)
	t.Cleanup(func() { _ = rdb.Close() })
	d := draining{t: t, status: make(chan int, 1), errs: &lines{}}
	d.ledger = ledger.New(rdb, jobstest.Value(state.NewSealer([]byte(encryptionKey)))(t))
	jobstest.Must(t, d.ledger.Connect(t.Context(), orderedOrg, state.Connection{
		CloudOrganizationID: sponsorship.ID(tenant.ID), BillingSyncToken: secret.Text(tenant.BillingSyncKey),
	}))
	d.gate = remote.Hold(cloudtest.BeforeEffect, func(r cloudtest.Request) bool { return r.Path == cloudtest.PathSync })
	t.Cleanup(d.gate.Release)
	jobstest.Value(enqueue.New(rdb, enqueue.Options{}).Enqueue(t.Context(), jobs.Sync{OrganizationID: orderedOrg}))(t)

	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	env := append(environment(t, stack),
		"globalSettings__enableCloudCommunication=true",
		"globalSettings__installation__id="+installation.ID, "globalSettings__installation__key="+installation.Key,
		"globalSettings__installation__identityUri="+remote.URL(), "globalSettings__installation__apiUri="+remote.URL(),
		"SPONSORSYNC_SHUTDOWN_TIMEOUT="+timeout)
	go func() { d.status <- run(ctx, nil, env, streams{out: &lines{}, err: d.errs}) }()
	jobstest.Value(d.gate.Wait(t.Context()))(t)
	stop()
	return d
}

// tell stores an event, and waits until the worker has taken it to the stream.
func (d draining) tell(n int) {
	d.t.Helper()
	none := d.ledger.None(orderedOrg, orderedUser(n))
	next, _, err := sponsorship.Decide(none, sponsorship.Redeem{Email: "a@example.com"}, sponsorship.Stamp{Now: time.Now(), JobID: "job"})
	jobstest.Must(d.t, err)
	write := jobstest.Value(ledger.Announced(none, next))(d.t)
	if a := jobstest.Value(d.ledger.Accept(d.t.Context(), fmt.Sprint("job-", n), write))(d.t); a.Conflict {
		d.t.Fatalf("conflict: %+v", a)
	}
	jobstest.Eventually(d.t, jobstest.Timeout, func() bool { return d.untold() == 0 })
}

func (d draining) untold() int64 {
	d.t.Helper()
	return jobstest.Value(d.ledger.OutboxLength(d.t.Context()))(d.t)
}

// Events are told as long as a job runs, and its own are the last ones.
// Not parallel: a worker sets go-redis's one logger.
func TestEventsAreToldUntilTheLastJobHasDrained(t *testing.T) {
	d := drain(t, "60s")
	jobstest.Must(t, d.ledger.Beat(t.Context()))
	for n := range 20 { // a relay that is about to end might still take a few
		d.tell(n)
	}
	d.gate.Release()
	jobstest.Equal(t, "exit status", <-d.status, boot.Done)
	org, _, err := d.ledger.Organization(t.Context(), orderedOrg)
	jobstest.Must(t, err)
	if org.LastSyncAt == nil || d.untold() != 0 {
		t.Errorf("last sync %v, %d events were never told", org.LastSyncAt, d.untold())
	}
}

// Not parallel: a worker sets go-redis's one logger.
func TestADrainThatIsCutShortEndsWithStatusOne(t *testing.T) {
	d := drain(t, "1s")
	jobstest.Equal(t, "exit status", <-d.status, boot.Failed)
	if text := d.errs.String(); !strings.Contains(text, "error: stop queue urgent: the drain was cut short: 1 jobs") {
		t.Errorf("the worker said:\n%s", text)
	}
}
