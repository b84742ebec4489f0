package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

// real moves the bundle to a real Redis.
func (b bundle) real(t *testing.T) bundle {
	t.Helper()
	b.rdb = jobstest.Value(enqueue.NewRedis(jobstest.RealRedis(t).URL))(t)
	t.Cleanup(func() { _ = b.rdb.Close() })
	b.client = enqueue.New(b.rdb, enqueue.Options{})
	b.inspector = enqueue.NewInspector(b.client)
	b.params.Redis = b.rdb
	b.params.Log = zerolog.Nop()
	return b
}

func dies(context.Context, jobs.Job[jobs.Redeem]) error {
	return jobs.Permanent(fault.New(fault.CloudProtocolError, "it died"))
}

// The queue itself keeps ten thousand dead jobs and drops the oldest.
func TestMoreDeadJobsThanTheQueueKeepsLoseNothing(t *testing.T) {
	b := setup(t, handlers{redeem: dies}).real(t)
	b.params.Concurrency, b.params.Servers = 16, 4
	const total = 11_000
	var ids []string
	for n := 0; n < total; n += enqueue.MaxBatch {
		var batch []jobs.Args
		for m := range enqueue.MaxBatch {
			batch = append(batch, jobs.Redeem{
				OrganizationID:     org,
				OrganizationUserID: sponsorship.ID(fmt.Sprintf("0b0b0b0b-ab5d-4bb3-9b7a-%012d", n+m)),
				SponsoredEmail:     "ann@example.com",
			})
		}
		for _, r := range jobstest.Value(b.client.EnqueueAll(t.Context(), batch))(t) {
			ids = append(ids, r.ID)
		}
	}
	stop := b.start(t)
	jobstest.Eventually(t, 2*time.Minute, func() bool {
		d := jobstest.Value(enqueue.Depths(t.Context(), b.rdb))(t)[0]
		return d.Pending+d.Active+d.Retry == 0
	})
	stop()
	for _, id := range ids {
		s, known, err := b.inspector.Job(t.Context(), id)
		if err != nil || !known || s.State != enqueue.StateDead || s.LastError.Code != fault.CloudProtocolError {
			t.Fatalf("job %s: %+v, %v, %v", id, s, known, err)
		}
	}
	listed := map[string]bool{}
	for s, err := range b.inspector.Dead(t.Context()) {
		jobstest.Must(t, err)
		listed[s.ID] = true
	}
	jobstest.Equal(t, "listed", len(listed), total)
}

func TestADeadJobRunsAgainAlthoughTheQueueHasForgottenIt(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: dies})
	stop := b.start(t)
	id := b.enqueue(t, redeem)
	b.await(t, id, enqueue.StateDead)
	stop()
	jobstest.Must(t, b.rdb.Del(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "archived"), enqueue.QueueKey(jobs.QueueIntake, "t:"+id)).Err())
	again := jobstest.Value(b.inspector.Retry(t.Context(), id))(t)
	if s, known, err := b.inspector.Job(t.Context(), again); err != nil || !known || s.State != enqueue.StatePending {
		t.Errorf("%+v, %v, %v", s, known, err)
	}
	if _, known, _ := b.inspector.Job(t.Context(), id); known {
		t.Error("the old job is still there")
	}
}

// Nothing of ours restarts when a Redis that was emptied comes back.
func TestAnEmptiedRedisShowsTheQueuesAgain(t *testing.T) {
	b := setup(t, handlers{redeem: dies}).real(t)
	b.start(t)
	b.await(t, b.enqueue(t, redeem), enqueue.StateDead)
	jobstest.Must(t, b.rdb.FlushAll(t.Context()).Err())
	jobstest.Eventually(t, jobstest.Timeout, func() bool { // before anybody asks
		return b.rdb.SIsMember(t.Context(), enqueue.QueuesKey, string(jobs.QueueIntake)).Val()
	})
	b.await(t, b.enqueue(t, redeem), enqueue.StateDead)
}

// A job that cannot be written down as dead is not dead: Redis away, or full.
func TestAJobIsDeadOnlyOnceThatIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: dies})
	id := b.enqueue(t, redeem)
	record := state.RecordKey(org, id)
	jobstest.Must(t, b.rdb.Del(t.Context(), record).Err())
	jobstest.Must(t, b.rdb.Set(t.Context(), record, "not a record", 0).Err())
	b.start(t)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return len(b.seen.all()) > 0 })
	jobstest.Equal(t, "outcome", b.seen.all()[0], "redeem "+queue.OutcomeSnoozed)
}
