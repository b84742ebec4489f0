//go:build hostile

package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

func onRealRedis(t *testing.T, b *bundle) {
	red := jobstest.RealRedis(t)
	o, _ := redis.ParseURL(red.URL)
	o.ReadTimeout = 10 * time.Second
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, _ := state.NewSealer(make([]byte, 32))
	b.rdb, b.ledger = rdb, ledger.New(rdb, sealer)
	b.intake = newIntake(b)
	b.with(func(p *reconcile.Params) { p.Ledger = b.ledger })
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, b.connection()))
}

func memory(t *testing.T, rdb redis.UniversalClient) int64 {
	n, _ := rdb.Info(t.Context(), "memory").Result()
	var m int64
	for line := range strings.Lines(n) {
		if v, ok := strings.CutPrefix(line, "used_memory:"); ok {
			fmt.Sscan(v, &m)
		}
	}
	return m
}

func TestHostileScriptsBlock(t *testing.T) {
	b := setup(t)
	onRealRedis(t, b)
	jobstest.Must(t, b.rdb.ConfigSet(t.Context(), "slowlog-log-slower-than", "2000").Err())
	jobstest.Must(t, b.rdb.ConfigSet(t.Context(), "slowlog-max-len", "1000").Err())
	m0 := memory(t, b.rdb)
	const n = 20000
	for i := range n {
		b.redeem(i)
	}
	m1 := memory(t, b.rdb)
	t.Logf("ledger alone after %d redeems, NATS away: %d bytes a redeem", n, (m1-m0)/n)
	markers, _ := b.rdb.Keys(t.Context(), "*:job:*").Result()
	mu, _ := b.rdb.MemoryUsage(t.Context(), markers[0]).Result()
	t.Log("markers", len(markers), "bytes each (without the key table)", mu, "ttl", b.rdb.TTL(t.Context(), markers[0]).Val())
	b.mustFull()
	m2 := memory(t, b.rdb)
	t.Logf("after the sync (outbox not drained) %d bytes a row", (m2-m0)/n)
	outbox, _ := b.rdb.Keys(t.Context(), "*outbox").Result()
	for _, k := range outbox {
		u, _ := b.rdb.MemoryUsage(t.Context(), k, 0).Result()
		l := b.rdb.XLen(t.Context(), k).Val()
		t.Log(k, l, "entries", u/max(l, 1), "bytes each")
	}
	slow, _ := b.rdb.SlowLogGet(t.Context(), 1000).Result()
	worst := map[string]time.Duration{}
	count := map[string]int{}
	for _, s := range slow {
		worst[s.Args[0]] = max(worst[s.Args[0]], s.Duration)
		count[s.Args[0]]++
	}
	t.Log("commands over 2 ms:", count, "worst", worst)
}
