package schedule_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sweeps records ticks; while down it records nothing and fails.
type sweeps struct {
	mu    sync.Mutex
	ticks []int64
	at    []time.Time
	down  bool
}

func (s *sweeps) Sweep(_ context.Context, tick int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errors.New("queue_unavailable: no Redis")
	}
	s.ticks, s.at = append(s.ticks, tick), append(s.at, time.Now())
	return nil
}

func (s *sweeps) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func TestOneSweepAnIntervalOnItsBoundary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const interval = 15 * time.Second
		time.Sleep(7 * time.Second) // start inside an interval
		s := &sweeps{}
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		if err := (schedule.Scheduler{Sweeper: s, Interval: interval}).Run(ctx); err != nil {
			t.Fatal(err)
		}
		first := s.ticks[0]
		if want := []int64{first, first + 1, first + 2, first + 3}; !slices.Equal(s.ticks, want) {
			t.Errorf("got ticks %v, want %v", s.ticks, want)
		}
		for _, at := range s.at[1:] {
			if at.Truncate(interval) != at {
				t.Errorf("swept at %v, which is no boundary", at)
			}
		}
	})
}

func TestOutageIsOutlivedAndToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &sweeps{down: true}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- schedule.Scheduler{Sweeper: s, Interval: time.Hour, Log: zerolog.New(&log)}.Run(ctx)
		}()
		time.Sleep(time.Minute)
		s.setDown(false)
		time.Sleep(10 * time.Second) // far less than the interval
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(s.ticks) != 1 {
			t.Errorf("got %d sweeps after the outage, want 1", len(s.ticks))
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("got %d log lines, want one for the outage and one for its end:\n%s", n, log.String())
		}
	})
}

func TestPause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		second   int64
		interval time.Duration
		failed   bool
		want     time.Duration
	}{
		{"on the boundary", 30, 15 * time.Second, false, 15 * time.Second},
		{"inside", 37, 15 * time.Second, false, 8 * time.Second},
		{"failed", 30, 15 * time.Second, true, 5 * time.Second},
		{"failed near the end", 43, 15 * time.Second, true, 2 * time.Second},
		{"failed, short interval", 30, time.Second, true, time.Second},
	} {
		if got := schedule.Pause(time.Unix(c.second, 0), c.interval, c.failed); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTwoSchedulersMakeOneSweepATick(t *testing.T) {
	t.Parallel()
	stack, err := jobstest.Start(jobstest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stack.Close() }()
	rdb, err := enqueue.NewRedis(stack.RedisURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rdb.Close() }()
	clock := time.Unix(1_800_000_000, 0)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for i := range 2 {
		one := schedule.Scheduler{
			Sweeper: counted{enqueue.New(rdb, enqueue.Options{}), make(chan struct{}, 1)}, Interval: time.Hour,
			Now: func() time.Time { return clock.Add(time.Duration(i) * time.Second) }, // clocks differ
		}
		running.Go(func() { _ = one.Run(ctx) })
		<-one.Sweeper.(counted).called
	}
	want := fmt.Sprintf("sweep:%d", schedule.Tick(clock, time.Hour))
	jobstest.RequireEnqueued(t, rdb, func(s jobs.Sweep) bool { return "sweep:"+fmt.Sprint(s.Tick) == want })
	depths, err := enqueue.Depths(t.Context(), rdb)
	if err != nil || depths[0].Pending != 1 {
		t.Errorf("got %+v, %v, want one sweep from two schedulers", depths, err)
	}
	cancel()
	running.Wait()
}

// counted tells when a sweep was enqueued.
type counted struct {
	*enqueue.Client
	called chan struct{}
}

func (c counted) Sweep(ctx context.Context, tick int64) error {
	defer func() { c.called <- struct{}{} }()
	return enqueue.NewSystem(c.Client).Sweep(ctx, tick)
}
