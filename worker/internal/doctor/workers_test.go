package doctor_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/doctor"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
)

func TestWorkers(t *testing.T) {
	t.Parallel()
	expect(t, find(t, setup(t).run(), "workers"), doctor.OK, "here (pid 1, version unknown)")
	expect(t, doctor.CheckWorkers(nil), doctor.Warn, "none runs", "Start the worker")
	old := state.Worker{Host: "old", PID: 7, Safety: registry.Safety - 1, Lives: true}
	young := state.Worker{Host: "young", PID: 8, Version: "v2.0.0", Safety: registry.Safety, Lives: true}
	expect(t, doctor.CheckWorkers([]state.Worker{young}), doctor.OK, "young (pid 8, version v2.0.0)")
	expect(t, doctor.CheckWorkers([]state.Worker{young, old}), doctor.Warn, "old (pid 7, version unknown) is of an older release", "Stop it")
	ahead, behind := young, young
	ahead.Host, ahead.SkewMS, behind.Host, behind.SkewMS = "ahead", -3600_000, "behind", 60_000
	expect(t, doctor.CheckWorkers([]state.Worker{young, ahead, behind}), doctor.Warn,
		"ahead (pid 8, version v2.0.0) by 1h0m0s, behind (pid 8, version v2.0.0) by 1m0s", "NTP")
	old.Lives = false
	expect(t, doctor.CheckWorkers([]state.Worker{young, old}), doctor.OK, "young")
}

func TestABoundThatIsNearIsToldOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expect(t, find(t, b.run(), "dead jobs"), doctor.OK, "far from the bound")
	expect(t, doctor.CheckFill("dead jobs", enqueue.EndedWord(0.81), "Delete some."), doctor.Warn, "81 % full; at 100 % no new jobs are taken", "Delete some.")
}

// What stands still although nothing is broken is told, too.
func TestWhatStandsStillIsToldOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.ledger.Stop(t.Context(), "", time.Now()))
	b.store.Del("sponsorsync:scheduler")
	jobstest.Must(t, b.store.Set("asynq:{intake}:paused", "1"))
	b.info.Store(healthyInfo + "used_memory:90\r\nmaxmemory:100\r\n")
	checks := b.run()
	expect(t, find(t, checks, "scheduler"), doctor.Warn, "none has worked for a month", "producer serve")
	expect(t, find(t, checks, "sending"), doctor.Warn, "somebody has paused it", "producer resume")
	expect(t, find(t, checks, "queues"), doctor.Fail, "paused by hand: intake", "Unpause")
	expect(t, find(t, checks, "memory"), doctor.Warn, "90 % full", "maxmemory")
}
