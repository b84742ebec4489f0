package enqueue_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// serve runs a server of a queue, as every worker does, until the test ends.
func serve(t *testing.T, rdb redis.UniversalClient, queue string) {
	t.Helper()
	server := asynq.NewServerFromRedisClient(rdb, asynq.Config{
		Concurrency: 1, Queues: map[string]int{queue: 1}, LogLevel: asynq.FatalLevel,
	})
	jobstest.Must(t, server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return nil })))
	t.Cleanup(server.Shutdown)
}

func TestAWorkerThatDoesNotRegisterIsListedByItsServers(t *testing.T) {
	t.Parallel()
	store := miniredis.RunT(t)
	rdb := jobstest.Value(enqueue.NewRedis("redis://" + store.Addr()))(t)
	t.Cleanup(func() { _ = rdb.Close() })
	inspector := enqueue.NewInspector(enqueue.New(rdb, enqueue.Options{}))
	host := jobstest.Value(os.Hostname())(t)
	register := func(id string, servers int) {
		t.Helper()
		text := jobstest.Value(state.EncodeWorker(state.Worker{ID: id, Safety: 1, Host: host, PID: os.Getpid(), Servers: servers}))(t)
		beat := jobstest.Value(rdb.Time(t.Context()).Result())(t).UnixMilli()
		jobstest.Must(t, rdb.HSet(t.Context(), state.WorkersKey, id, fmt.Sprintf("%d %s", beat, text)).Err())
	}
	unregistered := func(what string, want int) {
		t.Helper()
		var others []state.Worker
		jobstest.Eventually(t, jobstest.Timeout, func() bool {
			others = nil
			for _, w := range jobstest.Value(inspector.Workers(t.Context()))(t) {
				if w.ID == "" {
					others = append(others, w)
				}
			}
			return len(others) == want
		})
		for _, w := range others {
			if w.Host != host || w.PID != os.Getpid() || w.Safety != 0 || !w.Lives {
				t.Errorf("%s: %+v", what, w)
			}
		}
	}
	unregistered("nobody", 0)
	serve(t, rdb, "somebody-elses")
	serve(t, rdb, "intake")
	unregistered("one that does not register", 1)
	serve(t, rdb, "cloud")
	unregistered("it is one worker", 1)
	register("one", 2)
	unregistered("it has registered", 0)
	serve(t, rdb, "cloud")
	unregistered("another of the same name and number", 1)
	register("two", 1)
	unregistered("both have registered", 0)
}
