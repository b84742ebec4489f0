package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

func now() time.Time { return time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC) }

// TestGCRAKeepsTheRate simulates the greediest client there can be: it asks again
// the moment it may.
func TestGCRAKeepsTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, 500).Draw(t, "rate")
		burst := rapid.IntRange(-1, 600).Draw(t, "burst")
		every, atOnce := cloud.Pace(rate, burst)
		if atOnce < 1 || atOnce > max(1, burst) || atOnce > max(1, rate/2) || every <= 0 {
			t.Fatalf("rate %d, burst %d: %d every %s", rate, burst, atOnce, every)
		}
		emission := every.Seconds()
		var tat, clock float64
		var sent []float64
		idle := rapid.SliceOfN(rapid.Float64Range(0, 30), 0, 20).Draw(t, "idle")
		for len(sent) < 3*rate+20 {
			if wait := tat - clock - emission*float64(atOnce-1); wait > 0 {
				clock += wait
			}
			sent = append(sent, clock)
			tat = max(tat, clock) + emission
			if n := len(sent); n%7 == 0 && n/7 <= len(idle) {
				clock += idle[n/7-1]
			}
		}
		for i := 0; i+rate < len(sent); i++ {
			if window := sent[i+rate] - sent[i]; window <= 60 {
				t.Fatalf("rate %d, burst %d: %d requests in %.3f s", rate, burst, rate+1, window)
			}
		}
	})
}

func TestPace(t *testing.T) {
	t.Parallel()
	minute := 61 * time.Second // and a second for the way
	tests := []struct {
		rate, burst, atOnce int
		every               time.Duration
	}{
		{60, 5, 5, minute/56 + 1}, {60, 60, 30, minute/31 + 1}, {1, 5, 1, minute}, {2, 0, 1, minute / 2}, {0, 5, 0, 0}, {-1, 5, 0, 0},
	}
	for _, tt := range tests {
		if every, atOnce := cloud.Pace(tt.rate, tt.burst); every != tt.every || atOnce != tt.atOnce {
			t.Errorf("%d, %d: got %d at once, one every %s", tt.rate, tt.burst, atOnce, every)
		}
	}
}

// shop is a limiter on a store whose clock moves when somebody sleeps.
type shop struct {
	*cloud.SharedLimiter
	store  *miniredis.Miniredis
	client redis.UniversalClient
	mu     sync.Mutex
	clock  time.Time
	waited []time.Duration
}

func (s *shop) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *shop) sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
	s.store.SetTime(s.clock)
	s.store.FastForward(d)
	return ctx.Err()
}

func setupShop(t *testing.T, change ...func(*cloud.LimiterParams)) *shop {
	t.Helper()
	s := &shop{store: miniredis.RunT(t), clock: now()}
	s.store.SetTime(s.clock)
	client := redis.NewClient(&redis.Options{Addr: s.store.Addr(), MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	p := cloud.LimiterParams{
		Redis: client, Rate: 60, Burst: 5, Now: s.now, Sleep: s.sleep, MaxWait: time.Hour,
		Waited: func(d time.Duration) { s.waited = append(s.waited, d) },
	}
	for _, c := range change {
		c(&p)
	}
	limiter, err := cloud.NewLimiter(p)
	if err != nil {
		t.Fatal(err)
	}
	s.SharedLimiter, s.client = limiter, client
	return s
}

func TestLimiterKeepsTheRate(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	var sent []time.Time
	for range 200 {
		if err := s.Wait(t.Context(), cloud.Urgent); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, s.now())
	}
	if sent[4].Sub(sent[0]) > time.Millisecond { // the store's arithmetic rounds
		t.Errorf("the fifth request had to wait %s", sent[4].Sub(sent[0]))
	}
	for i := 0; i+60 < len(sent); i++ {
		if window := sent[i+60].Sub(sent[i]); window <= time.Minute {
			t.Fatalf("61 requests in %s", window)
		}
	}
	if total := sent[199].Sub(sent[0]); total > 4*time.Minute {
		t.Errorf("200 requests took %s: slower than the limit asks for", total)
	}
	if len(s.waited) != 200 || s.waited[0] != 0 || s.waited[10] == 0 {
		t.Errorf("waits reported: %v", s.waited)
	}
}

func TestLimiterWithoutARate(t *testing.T) {
	t.Parallel()
	s := setupShop(t, func(p *cloud.LimiterParams) { p.Rate = 0 })
	for range 100 {
		if err := s.Wait(t.Context(), cloud.Urgent); err != nil {
			t.Fatal(err)
		}
	}
	if s.now() != now() {
		t.Error("had to wait")
	}
	if err := s.PauseUntil(t.Context(), s.now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context(), cloud.Urgent); err != nil || s.now().Sub(now()) != time.Minute {
		t.Errorf("got %v after %s, want the pause obeyed", err, s.now().Sub(now()))
	}
}

func TestPauseHoldsEverybody(t *testing.T) {
	t.Parallel()
	a := setupShop(t)
	b := setupShop(t, func(p *cloud.LimiterParams) {
		p.Redis = redis.NewClient(&redis.Options{Addr: a.store.Addr(), DisableIdentity: true})
		t.Cleanup(func() { _ = p.Redis.Close() })
		p.Now, p.Sleep = a.now, a.sleep
	})
	for _, d := range []time.Duration{time.Minute, 10 * time.Minute, 30 * time.Second, -time.Second} {
		if err := a.PauseUntil(t.Context(), a.now().Add(d)); err != nil { // the longest wins
			t.Fatal(err)
		}
	}
	if err := b.Wait(t.Context(), cloud.Urgent); err != nil {
		t.Fatal(err)
	}
	if got := a.now().Sub(now()); got != 10*time.Minute {
		t.Errorf("the other worker waited %s, want 10m", got)
	}
}

func TestLimiterDoesNotWaitForNothing(t *testing.T) {
	t.Parallel()
	short, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	t.Cleanup(cancel)
	tests := []struct {
		name   string
		ctx    context.Context
		change func(*cloud.LimiterParams)
	}{
		{"deadline", short, func(p *cloud.LimiterParams) { p.Now = func() time.Time { return time.Now().Add(59 * time.Minute) } }},
		{"MaxWait", t.Context(), func(p *cloud.LimiterParams) { p.MaxWait = time.Minute }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := setupShop(t, tt.change)
			s.store.Set("sponsorsync:{cloud}:pause", "x")
			s.store.SetTTL("sponsorsync:{cloud}:pause", 5*time.Minute)
			err := s.Wait(tt.ctx, cloud.Urgent)
			if later, ok := errors.AsType[*cloud.NotYet](err); !ok || later.After != 5*time.Minute || s.now() != now() {
				t.Errorf("got %v after %s", err, s.now().Sub(now()))
			}
			if fault.CodeOf(err) != "" {
				t.Errorf("our own limit is told as a fault of the cloud's: %v", err)
			}
		})
	}
}

func TestLimiterNeverFailsOpen(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	s.store.SetError("LOADING Redis is loading the dataset in memory")
	if err := s.Wait(t.Context(), cloud.Urgent); fault.CodeOf(err) != fault.QueueUnavailable {
		t.Errorf("Wait: got %v", err)
	}
	if err := s.PauseUntil(t.Context(), s.now().Add(time.Minute)); fault.CodeOf(err) != fault.QueueUnavailable {
		t.Errorf("PauseUntil: got %v", err)
	}
}

func TestLimiterStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := setupShop(t, func(p *cloud.LimiterParams) {
		p.Sleep = nil // the real one
		p.Now = func() time.Time { cancel(); return now() }
	})
	s.store.Set("sponsorsync:{cloud}:pause", "x")
	s.store.SetTTL("sponsorsync:{cloud}:pause", time.Hour)
	if err := s.Wait(ctx, cloud.Urgent); !errors.Is(err, context.Canceled) || fault.CodeOf(err) != "" {
		t.Errorf("got %v", err)
	}
}

func TestNewLimiterChecksItsParameters(t *testing.T) {
	t.Parallel()
	if _, err := cloud.NewLimiter(cloud.LimiterParams{}); err == nil {
		t.Error("no error")
	}
}

func ExampleNewLimiter() {
	store, err := miniredis.Run()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	client := redis.NewClient(&redis.Options{Addr: store.Addr()})
	defer client.Close()

	limiter, err := cloud.NewLimiter(cloud.LimiterParams{Redis: client, Rate: 60, Burst: 5, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(limiter.Wait(context.Background(), cloud.Urgent))
	// Output: <nil>
}
