package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// asking is a Redis that says when somebody has asked which leases are over.
type asking struct {
	redis.UniversalClient
	asked chan<- struct{}
}

func (a asking) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return a.seen(keys, a.UniversalClient.EvalSha(ctx, sha, keys, args...))
}

func (a asking) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return a.seen(keys, a.UniversalClient.Eval(ctx, script, keys, args...))
}

func (a asking) seen(keys []string, cmd *redis.Cmd) *redis.Cmd {
	if len(keys) == 1 && strings.HasSuffix(keys[0], ":lease") && cmd.Err() == nil {
		select {
		case a.asked <- struct{}{}:
		default:
		}
	}
	return cmd
}

// To a worker two hours ahead every lease of the others is long over. It runs
// nothing anew for that; only a lease that was given up counts.
func TestALeaseIsNotOverByAnotherWorkersClock(t *testing.T) {
	t.Parallel()
	for lease, want := range map[float64]string{
		float64(time.Now().Add(-2 * time.Hour).Unix()): "active",
		0: "retry",
	} {
		l := newLostLab(t)
		l.take(&lease)
		asked := make(chan struct{}, 1)
		l.params.Redis = asking{l.rdb, asked}
		stop := l.start(t)
		select {
		case <-asked:
		case <-t.Context().Done():
			t.Fatal("nobody asked")
		}
		stop() // waits for whoever has asked
		jobstest.Equal(t, "state", l.state(), want)
	}
}
