package cli_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestStatusOfTheWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start()
	b.fail(jobstest.Failure{Fault: fault.New(fault.BillingSyncTokenInvalid, "no such token")})
	r := b.run("status")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "fail     worker         none runs", "hint: Start the worker", "warn     scheduler", "ok       nats           answers",
		"warn     organizations  the last sync failed: billing_sync_token_invalid (1)", acme, "billing_sync_token_invalid: no such token")
	jobstest.Must(t, b.seed().AddWorker(t.Context(), state.Worker{ID: "1"}))
	r = b.run("status", "--json")
	requireStatus(t, r, 0)
	var report health.Report
	jobstest.Must(t, json.Unmarshal([]byte(r.out), &report))
	jobstest.Equal(t, "worker", report.Part(health.PartWorker).Status, health.OK)
	jobstest.Equal(t, "organizations", report.Organizations.Failing, 1)
}

// Who waits and gets nothing is told why within seconds, and by whom it goes on.
func TestAWaitSaysThatNoWorkerRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out, stderr buffer
	done := make(chan int)
	go func() {
		done <- program(b.environ, strings.NewReader(""), &out, &stderr).Run(ctx, []string{"sync", "--org", acme, "--wait"})
	}()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return strings.Contains(stderr.String(), "worker: none runs") })
	cancel()
	jobstest.Equal(t, "status", <-done, 130)
	requireContains(t, stderr.String(), "hint: Start the worker")
}

// A paused queue is as silent as a missing worker.
func TestAWaitSaysThatAQueueIsPaused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.work(func(jobs.Args) error { return nil })
	jobstest.Must(t, b.seed().AddWorker(t.Context(), state.Worker{ID: "1", Servers: 1}))
	jobstest.Must(t, b.rdb.Set(t.Context(), "asynq:{urgent}:paused", 1, time.Hour).Err())
	ctx, cancel := context.WithCancel(t.Context())
	var out, stderr buffer
	done := make(chan int)
	go func() {
		done <- program(b.environ, strings.NewReader(""), &out, &stderr).Run(ctx, []string{"sync", "--org", acme, "--wait"})
	}()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return strings.Contains(stderr.String(), "queues: paused by hand: urgent") })
	cancel()
	<-done
}
