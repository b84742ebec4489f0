package jobstest

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

const fillScript = `for n = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'v', '1') end return 1`

// FillOutbox puts n entries into a shard's outbox that are no events.
func FillOutbox(t testing.TB, rdb redis.UniversalClient, shard, n int) {
	t.Helper()
	Must(t, rdb.Eval(t.Context(), fillScript, []string{state.ShardKey(shard, "outbox")}, n).Err())
}
