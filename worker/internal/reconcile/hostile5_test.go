//go:build hostile

package reconcile_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
	"github.com/sponsorsync/sponsorsync/worker/internal/sweep"
)

// No kill, one worker, default settings: Redis hangs (or restarts) for 15 s while the cloud takes 24 s for a request.
func TestHostileRedisAwayDuringASlowRequest(t *testing.T) {
	b := setup(t)
	red := jobstest.RealRedis(t)
	o, _ := redis.ParseURL(red.URL)
	o.ContextTimeoutEnabled, o.ReadTimeout, o.WriteTimeout, o.DialTimeout = true, 3*time.Second, 3*time.Second, 2*time.Second
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, _ := state.NewSealer(make([]byte, 32))
	b.rdb, b.ledger = rdb, ledger.New(rdb, sealer)
	b.intake = newIntake(b)
	b.with(func(p *reconcile.Params) { p.Ledger = b.ledger })
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, b.connection()))
	c := withRacy(t, b, 30*time.Second, 0, 24*time.Second)
	b.mustFull()
	b.redeem(1)
	start := time.Now()
	first := make(chan error, 1)
	go func() { first <- b.pending() }()
	time.Sleep(time.Second)
	red.Pause()
	time.Sleep(15 * time.Second)
	red.Resume()
	t.Log("Redis is back after", time.Since(start).Round(time.Second), "- first attempt:", <-first)
	sweep := newSweeper(t, sweep.Params{Ledger: b.ledger, Enqueuer: waker{b}, Grace: 10 * time.Second, CloudEnabled: true})
	for b.get(1).Status != "sent" && time.Since(start) < 50*time.Second {
		_ = sweep.Wake(t.Context())
		time.Sleep(500 * time.Millisecond)
	}
	t.Log("row is", describe(b.get(1)), "after", time.Since(start).Round(time.Second))
	time.Sleep(max(0, 26*time.Second-time.Since(start)))
	c.mu.Lock()
	for i, at := range c.at {
		t.Log("request", i, "at", at.Sub(start).Round(100*time.Millisecond))
	}
	t.Logf("cloud rows of the member: %d, mails: %v", len(c.rows), c.mails)
	c.mu.Unlock()
	t.Log("every later sync:", b.full())
}
