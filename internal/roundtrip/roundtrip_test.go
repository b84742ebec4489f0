package roundtrip_test

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/roundtrip"
)

func connect(t *testing.T, address string) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1, DialTimeout: time.Second})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func echo(words ...string) []roundtrip.Call {
	calls := make([]roundtrip.Call, len(words))
	for i, w := range words {
		calls[i] = roundtrip.Call{Script: redis.NewScript(`redis.call('RPUSH', KEYS[1], ARGV[1]) return ARGV[1]`), Keys: []string{"list"}, Args: []any{w}}
	}
	return calls
}

func TestEachGetsItsOwnReplyOrError(t *testing.T) {
	t.Parallel()
	rdb := connect(t, miniredis.RunT(t).Addr())
	calls := echo("one", "two", "three")
	calls[1].Script = redis.NewScript(`return redis.error_reply('REFUSED')`)
	for range 2 { // at first Redis knows none of them
		replies := roundtrip.Run(t.Context(), rdb, calls)
		if replies[0].Val() != "one" || replies[2].Val() != "three" || replies[0].Err() != nil || replies[2].Err() != nil {
			t.Errorf("replies %v", replies)
		}
		if !redis.HasErrorPrefix(replies[1].Err(), "REFUSED") {
			t.Errorf("error %v, want REFUSED", replies[1].Err())
		}
	}
	if n := rdb.LLen(t.Context(), "list").Val(); n != 4 {
		t.Errorf("%d scripts ran, want 4", n)
	}
}

func TestOneRoundTripForAll(t *testing.T) {
	t.Parallel()
	rdb := connect(t, miniredis.RunT(t).Addr())
	trips := &counter{}
	roundtrip.Run(t.Context(), rdb, echo("known"))
	rdb.AddHook(trips)
	roundtrip.Run(t.Context(), rdb, echo("one", "two", "three"))
	if trips.n != 1 {
		t.Errorf("%d round trips", trips.n)
	}
}

func TestNobodyIsToldOfSuccessByARedisThatIsAway(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	rdb := connect(t, server.Addr())
	server.Close()
	for _, calls := range [][]roundtrip.Call{echo("one"), echo("one", "two")} {
		for i, reply := range roundtrip.Run(t.Context(), rdb, calls) {
			if reply.Err() == nil {
				t.Errorf("call %d of %d has no error", i, len(calls))
			}
		}
	}
}

type counter struct{ n int }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.n++; return next(ctx, cmd) }
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.n++; return next(ctx, cmds) }
}
