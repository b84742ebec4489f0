package workertest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/crash"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// life is how long the cloud may be at work on one request.
const life = 6 * time.Minute

// Site is one installation: a store, the cloud and any number of workers. Use it from one
// goroutine.
type Site struct {
	// Cloud is the simulated one.
	Cloud *cloudtest.Cloud
	// Redis is a connection of the test's own, that never breaks.
	Redis *redis.Client

	t       testing.TB
	server  *miniredis.Miniredis
	account cloudtest.Installation
	base    time.Time    // when the store was made
	passed  atomic.Int64 // nanoseconds since; the cloud looks at it at any time
	stalled []*cloudtest.Gate
	since   time.Time // of the first of those
	leases  int
}

// New begins at a date; time passes only by [Site.Pass].
func New(t testing.TB, at time.Time) *Site {
	t.Helper()
	s := &Site{t: t, base: at, server: miniredis.RunT(t)}
	s.server.SetTime(at)
	s.Cloud = cloudtest.New(cloudtest.Options{Now: s.Now})
	jobstest.Must(t, s.Cloud.Start())
	t.Cleanup(func() { _ = s.Cloud.Close() })
	s.account = s.Cloud.AddInstallation()
	s.Redis, _ = s.Connect()
	return s
}

// Connect returns another connection to the store, and what makes it break.
func (s *Site) Connect() (*redis.Client, *crash.Hook) {
	hook := &crash.Hook{}
	client := redis.NewClient(&redis.Options{
		Addr: s.server.Addr(), MaxRetries: -1,
		DialTimeout: jobstest.Timeout, ReadTimeout: jobstest.Timeout, WriteTimeout: jobstest.Timeout, // of a busy machine
	})
	client.AddHook(hook)
	s.t.Cleanup(func() { _ = client.Close() })
	return client, hook
}

// Now is the time of everybody here.
func (s *Site) Now() time.Time { return s.base.Add(time.Duration(s.passed.Load())) }

// Pass lets time go by. The cloud is never at work on a request for longer than it can be.
func (s *Site) Pass(d time.Duration) {
	s.t.Helper()
	if s.Now().Add(d).Sub(s.since) >= life {
		s.Land()
	}
	s.passed.Add(int64(d))
	s.server.FastForward(d) // leases and retentions
	jobstest.Must(s.t, jobstest.Ledger{Redis: s.Redis}.Advance(s.t.Context(), d))
}

// Ledger reads what the ledger has.
func (s *Site) Ledger(sealer *state.Sealer) *state.Ledger { return state.New(s.Redis, sealer) }

// Queue is a client of the queue.
func (s *Site) Queue() *enqueue.Client { return enqueue.New(s.Redis, enqueue.Options{Now: s.Now}) }

// stall keeps a gate closed until [Site.Land].
func (s *Site) stall(gate *cloudtest.Gate) {
	if len(s.stalled) == 0 {
		s.since = s.Now()
	}
	s.stalled = append(s.stalled, gate)
}

// Land lets the cloud finish what it is at work on.
func (s *Site) Land() {
	s.t.Helper()
	if len(s.stalled) == 0 {
		return
	}
	for _, gate := range s.stalled {
		gate.Release()
	}
	s.stalled = nil
	jobstest.Eventually(s.t, jobstest.Timeout, func() bool {
		for _, load := range s.Cloud.Stats().Sync {
			if load.InFlight > 0 {
				return false
			}
		}
		return true
	})
}

// Disturb lets one of the cloud's passing faults meet a request soon.
func (s *Site) Disturb(which, skip int) {
	weather := cloudtest.Weather()
	s.Cloud.Inject(weather[which%len(weather)].After(skip))
}
