package enqueue_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	org    sponsorship.ID = "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	member sponsorship.ID = "0b0b0b0b-ab5d-4bb3-9b7a-000000000001"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type bundle struct {
	store     *miniredis.Miniredis
	rdb       redis.UniversalClient
	client    *enqueue.Client
	inspector *enqueue.Inspector
	asynq     *asynq.Inspector // the other side's view
}

func setup(t *testing.T) bundle {
	t.Helper()
	store := miniredis.RunT(t)
	rdb, err := enqueue.NewRedis("redis://" + store.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	client := newClient(rdb)
	return bundle{store, rdb, client, enqueue.NewInspector(client), asynq.NewInspectorFromRedisClient(rdb)}
}

// newClient counts its ids, so that tests can name them.
func newClient(rdb redis.UniversalClient) *enqueue.Client {
	var n atomic.Int64
	return enqueue.New(rdb, enqueue.Options{
		Now:   func() time.Time { return noon },
		NewID: func() string { return fmt.Sprintf("id-%d", n.Add(1)) },
	})
}

func redeem(address string) jobs.Redeem {
	return jobs.Redeem{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: address}
}

// count returns how many jobs wait in a queue.
func (b bundle) count(t *testing.T, q jobs.Queue) int {
	t.Helper()
	depths, err := enqueue.Depths(t.Context(), b.rdb)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range depths {
		if d.Queue == q {
			return int(d.Pending)
		}
	}
	t.Fatalf("no depth of %s", q)
	return 0
}

// putOff lets a pending job sleep, as after an attempt that failed.
func (b bundle) putOff(t *testing.T, q jobs.Queue, id string) {
	t.Helper()
	pipe := b.rdb.TxPipeline()
	pipe.LRem(t.Context(), enqueue.QueueKey(q, "pending"), 1, id)
	pipe.ZAdd(t.Context(), enqueue.QueueKey(q, "retry"), redis.Z{Score: float64(time.Now().Add(time.Hour).Unix()), Member: id})
	pipe.HSet(t.Context(), enqueue.QueueKey(q, "t:"+id), "state", "retry")
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) archive(t *testing.T, q jobs.Queue, id string) {
	t.Helper()
	if err := b.asynq.ArchiveTask(string(q), id); err != nil {
		t.Fatal(err)
	}
}

func othersFirst(context.Context, *asynq.Task) error {
	return errors.New(enqueue.WaitPrefix + "others go first")
}
