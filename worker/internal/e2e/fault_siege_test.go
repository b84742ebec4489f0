package e2e_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// TestFiveHundredKills: everything 50 times as fast as by default, each worker's clock
// wrong by up to half a day, a slow cloud, jobs that cross each other, kill -9 all the
// time. Nothing is lost, nobody is mailed twice, all takes effect in order.
func TestFiveHundredKills(t *testing.T) {
	if !long() {
		t.Skip("make faults runs it")
	}
	const waves = 20
	s := &siege{lab: setupFaults(t, 6, hurried...), rnd: seeded(t)}
	s.goesOn = true
	kills := rand.New(rand.NewPCG(s.rnd.Uint64(), 2))
	begin := func() *program {
		return s.hurriedWorker((time.Duration(kills.IntN(24*3600)-12*3600) * time.Second).String())
	}
	workers := []*program{begin(), begin(), begin()}
	s.started()
	s.acked = nil
	s.slowly(2 * time.Second)
	for wave := range waves {
		stop := s.traffic(40 * time.Millisecond)
		for range killsPerWave() {
			<-time.After(time.Duration(kills.IntN(600)) * time.Millisecond) // the random moment
			victim := kills.IntN(len(workers))
			workers[victim].kill()
			workers[victim] = begin()
		}
		stop()
		t.Logf("wave %d: %d members, %d jobs open", wave, s.members, len(s.acked))
		s.rest()
	}
	s.cloud.ClearFaults()
	s.finish()
	t.Logf("%d jobs, %d requests, %d mails", s.done, len(s.cloud.SyncRequests()), len(s.cloud.Mails()))
}

// TestTenKillsAtDefaultSettings: after each of them everything is settled in time, but
// for what waits for a request that may not have ended; and at last that, too.
func TestTenKillsAtDefaultSettings(t *testing.T) {
	if !long() {
		t.Skip("make faults runs it")
	}
	t.Parallel()
	s := &siege{lab: setupFaults(t, 3, "SPONSORSYNC_CLOUD_TIMEOUT=100s", "SPONSORSYNC_CLOUD_GRACE=5m",
		"SPONSORSYNC_CLOUD_RATE=60", "SPONSORSYNC_SHUTDOWN_TIMEOUT=120s"), rnd: seeded(t)}
	s.goesOn = true
	kills := rand.New(rand.NewPCG(s.rnd.Uint64(), 2))
	workers := []*program{s.worker(), s.worker()}
	s.started()
	s.acked = nil
	s.cloud.Inject(cloudtest.Stall(time.Second).Times(-1)) // so that kills meet requests
	for n := range 10 {
		stop := s.traffic(5 * time.Millisecond)
		<-time.After(time.Duration(kills.IntN(3000)) * time.Millisecond) // the random moment
		victim := kills.IntN(len(workers))
		workers[victim].kill()
		stop()
		workers[victim] = s.worker()
		t.Logf("kill %d: %d members", n+1, s.members)
		s.rest()
	}
	s.finish()
	t.Logf("%d jobs, %d requests, %d mails", s.done, len(s.cloud.SyncRequests()), len(s.cloud.Mails()))
}

// TestACloudThatWorksOnBeyondTheGraceMailsTwice: what no client can promise, and the
// README says so.
func TestACloudThatWorksOnBeyondTheGraceMailsTwice(t *testing.T) {
	if !long() {
		t.Skip("make faults runs it")
	}
	t.Parallel()
	l := setupFaults(t, 1, hurried...)
	l.hurriedWorker("0s")
	l.started()
	beyond := make(chan struct{})
	l.cloud.Inject(cloudtest.StallUntil(beyond).When(func(r cloudtest.Request) bool { return len(r.Rows) > 0 }).Times(2))
	l.redeem(l.orgs[0], 0, 1)
	jobstest.Eventually(t, deadline, func() bool { return l.cloud.Stats().Sync[l.remote.ID].InFlight == 2 })
	close(beyond)
	jobstest.Eventually(t, deadline, func() bool { return len(l.cloud.Doubled(l.remote.ID)) == 1 && len(l.cloud.MailsTo(address(0))) == 2 })
	readme, err := os.ReadFile("../../../README.md")
	jobstest.Must(t, err)
	if !strings.Contains(string(readme), "still at work on a request beyond time-out and grace may double the row and mail twice") {
		t.Error("the README does not say so")
	}
}

func killsPerWave() int {
	n, err := strconv.Atoi(os.Getenv("KILLS"))
	if err != nil {
		return 25
	}
	return n
}
