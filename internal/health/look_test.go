package health_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

const acme sponsorship.ID = "11111111-1111-4111-8111-111111111111"

func source(t *testing.T) (health.Source, redis.UniversalClient) {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	rdb := jobstest.Value(enqueue.NewRedis(stack.RedisURL()))(t)
	t.Cleanup(func() { _ = rdb.Close() })
	return health.Source{
		Redis: rdb, Ledger: state.New(rdb, nil), Jobs: enqueue.New(rdb, enqueue.Options{}),
		NATS: func(context.Context) error { return nil }, Now: time.Now, Timeout: time.Minute,
	}, rdb
}

func TestALookFindsWhatThereIs(t *testing.T) {
	t.Parallel()
	s, rdb := source(t)
	jobstest.Value(s.Jobs.Enqueue(t.Context(), jobs.Sync{OrganizationID: acme}))(t)
	r := health.Look(t.Context(), s)
	jobstest.Equal(t, "worker", r.Part(health.PartWorker).Detail, "none runs: jobs that wait and are not carried out: 1")
	jobstest.Equal(t, "scheduler", r.Part(health.PartScheduler).Status, health.Warn)
	jobstest.Equal(t, "sending", r.Part(health.PartSending).Status, health.OK)

	jobstest.Must(t, s.Ledger.BeatScheduler(t.Context(), time.Hour))
	jobstest.Must(t, s.Ledger.Stop(t.Context(), "", noon))
	jobstest.Must(t, s.Ledger.Stop(t.Context(), acme, noon))
	jobstest.Must(t, rdb.Set(t.Context(), enqueue.QueueKey(jobs.QueueUrgent, "paused"), 1, 0).Err())
	r = health.Look(t.Context(), s)
	jobstest.Equal(t, "scheduler", r.Part(health.PartScheduler).Detail, "works; it looks for syncs that are due every 1h0m0s")
	jobstest.Equal(t, "sending", r.Part(health.PartSending).Status, health.Warn)
	jobstest.Equal(t, "queues", r.Part(health.PartQueues).Detail, "paused by hand: urgent; none of their jobs starts")
	jobstest.Equal(t, "organizations", *r.Organizations, health.Organizations{Known: 1, NeverSynced: 1, Paused: 1})
}

func TestALookWithoutRedisEnds(t *testing.T) {
	t.Parallel()
	s, rdb := source(t)
	jobstest.Must(t, rdb.Close())
	jobstest.Equal(t, "redis", health.Look(t.Context(), s).Part(health.PartRedis).Status, health.Fail)
}
