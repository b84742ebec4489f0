package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

func (b *bundle) stopped() bool {
	b.t.Helper()
	stopped, err := b.ledger.Stopped(b.t.Context(), acme)
	jobstest.Must(b.t, err)
	return stopped
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"one": {"--org", acme}, "all": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.start()
			r := b.run(append([]string{"pause"}, args...)...)
			requireStatus(t, r, 0)
			requireContains(t, r.out, "paused: nothing of ", "producer resume")
			if !b.stopped() {
				t.Fatal("not paused")
			}
			requireContains(t, b.run("status", "--org", acme).out, "Sending:            paused")
			var shown struct{ Organization struct{ Paused bool } }
			jobstest.Must(t, json.Unmarshal([]byte(b.run("status", "--org", acme, "--json").out), &shown))
			if !shown.Organization.Paused {
				t.Error("not shown as paused")
			}
			r = b.run(append([]string{"resume"}, args...)...)
			requireStatus(t, r, 0)
			requireContains(t, r.out, "resumed: ")
			if b.stopped() {
				t.Error("not resumed")
			}
			requireContains(t, b.run("status", "--org", acme).out, "Sending:            on")
			requireContains(t, b.run(append([]string{"resume"}, args...)...).out, "nothing to resume")
		})
	}
}

// What slept of a resumed organization is woken at once.
func TestResumeWakes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start()
	requireStatus(t, b.run("pause", "--org", acme), 0)
	before := b.enqueuedJobs()
	requireStatus(t, b.run("resume", "--org", acme), 0)
	if n := b.enqueuedJobs() - before; n != 1 {
		t.Errorf("%d jobs enqueued, want a wake-up", n)
	}
}

// The stop of all is not ended by resuming one, and it is said.
func TestResumeOfOneWhileAllArePaused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start()
	requireStatus(t, b.run("pause"), 0)
	requireStatus(t, b.run("pause", "--org", acme), 0)
	requireContains(t, b.run("resume", "--org", acme).out, "everything is paused still")
	if !b.stopped() {
		t.Error("resuming one organization resumed all")
	}
	requireStatus(t, b.run("pause", "--org", "x"), 2)
}

func TestWaitSaysThatSendingIsPaused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var out, said buffer
	b.work(func(jobs.Args) error {
		if !strings.Contains(said.String(), "sending is paused: nothing leaves until 'producer resume'") {
			return paused{fault.New(fault.Paused, "sending is paused")}
		}
		return nil // it was said: resumed
	})
	status := program(b.environ, strings.NewReader(""), &out, &said).Run(t.Context(), []string{"sync", "--org", acme, "--wait"})
	requireStatus(t, result{status, out.String(), said.String()}, 0)
}

// paused is what the worker leaves with a job that waits for 'resume'.
type paused struct{ error }

func (p paused) Error() string { return enqueue.WaitPrefix + p.error.Error() }
