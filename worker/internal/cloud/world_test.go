package cloud_test

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// world is many handlers in simulated time: when all of them sleep, the clock
// jumps to the one that wakes first.
type world struct {
	store *miniredis.Miniredis
	rdb   redis.UniversalClient

	mu       sync.Mutex
	clock    time.Time
	awake    int
	sleepers []sleeper
	group    sync.WaitGroup
}

type sleeper struct {
	until time.Time
	wake  chan struct{}
}

func setupWorld(t *testing.T) *world {
	t.Helper()
	w := &world{store: miniredis.RunT(t), clock: now()}
	w.store.SetTime(w.clock)
	w.rdb = redis.NewClient(&redis.Options{Addr: w.store.Addr(), DisableIdentity: true})
	t.Cleanup(func() { _ = w.rdb.Close() })
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// run runs the handlers to their ends.
func (w *world) run(handlers ...func()) {
	w.awake = len(handlers)
	for _, handler := range handlers {
		w.group.Go(func() {
			handler()
			w.mu.Lock()
			defer w.mu.Unlock()
			w.rest()
		})
	}
	w.group.Wait()
}

// sleep ends when the clock has come there.
func (w *world) sleep(ctx context.Context, d time.Duration) error {
	s := sleeper{wake: make(chan struct{})}
	w.mu.Lock()
	s.until = w.clock.Add(d)
	w.sleepers = append(w.sleepers, s)
	w.rest()
	w.mu.Unlock()
	<-s.wake
	return ctx.Err()
}

// rest says that one handler less is awake; the last one moves the clock. The
// lock is held.
func (w *world) rest() {
	w.awake--
	if w.awake > 0 || len(w.sleepers) == 0 {
		return
	}
	first := slices.IndexFunc(w.sleepers, func(s sleeper) bool {
		return s.until.Equal(slices.MinFunc(w.sleepers, func(a, b sleeper) int { return cmp.Compare(a.until.UnixNano(), b.until.UnixNano()) }).until)
	})
	s := w.sleepers[first]
	w.sleepers = slices.Delete(w.sleepers, first, first+1)
	w.store.FastForward(s.until.Sub(w.clock))
	w.clock = s.until
	w.store.SetTime(w.clock)
	w.awake++
	close(s.wake)
}

// limiter is the one of a worker in this world.
func (w *world) limiter(t *testing.T, change ...func(*cloud.LimiterParams)) *cloud.SharedLimiter {
	t.Helper()
	p := cloud.LimiterParams{Redis: w.rdb, Rate: 60, Burst: 5, Now: w.now, Sleep: w.sleep}
	for _, c := range change {
		c(&p)
	}
	limiter, err := cloud.NewLimiter(p)
	jobstest.Must(t, err)
	return limiter
}

// departures keeps in which order requests left.
type departures struct {
	mu   sync.Mutex
	left []departure
}

type departure struct {
	who string
	at  time.Time
}

func (l *departures) add(who string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = append(l.left, departure{who, at})
}

// since returns who left at that time or later.
func (l *departures) since(at time.Time) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var who []string
	for _, d := range l.left {
		if !d.at.Before(at) {
			who = append(who, d.who)
		}
	}
	return who
}
