package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

// lostLab is a real Redis with one job, and a server that looks for lost ones by a
// clock that the test sets.
type lostLab struct {
	bundle
	*testing.T
	id     string
	server *queue.Server
	looks  queue.Looks
	clock  time.Time
}

func newLostLab(t *testing.T) *lostLab {
	t.Helper()
	l := &lostLab{bundle: setup(t, handlers{}), T: t, clock: time.Unix(1e9, 0)}
	l.rdb = jobstest.Value(enqueue.NewRedis(jobstest.RealRedis(t).URL))(t)
	t.Cleanup(func() { _ = l.rdb.Close() })
	l.client = enqueue.New(l.rdb, enqueue.Options{})
	l.inspector = enqueue.NewInspector(l.client)
	l.id = l.enqueue(t, redeem)
	p := l.params
	p.Redis, p.Now = l.rdb, func() time.Time { return l.clock }
	l.server = jobstest.Value(queue.NewServer(p))(t)
	l.params.Redis = l.rdb
	return l
}

func key(part string) string { return enqueue.QueueKey(jobs.QueueIntake, part) }

// take is what is left in Redis of a job that a worker took and never ended. No
// lease: a lost answer of Redis or a fail-over has left it so.
func (l *lostLab) take(lease *float64) {
	l.Helper()
	pipe := l.rdb.TxPipeline()
	pipe.LMove(l.Context(), key("pending"), key("active"), "RIGHT", "LEFT")
	pipe.HSet(l.Context(), key("t:"+l.id), "state", "active")
	if lease != nil {
		pipe.ZAdd(l.Context(), key("lease"), redis.Z{Score: *lease, Member: l.id})
	}
	_, err := pipe.Exec(l.Context())
	jobstest.Must(l, err)
}

func (l *lostLab) look(later time.Duration) {
	l.Helper()
	l.clock = l.clock.Add(later)
	jobstest.Must(l, l.looks.LookForLost(l.Context(), l.server))
}

func (l *lostLab) state() string {
	l.Helper()
	return jobstest.Value(l.rdb.HGet(l.Context(), key("t:"+l.id), "state").Result())(l)
}

func TestAJobWithoutALeaseIsFoundAndRun(t *testing.T) {
	t.Parallel()
	l := newLostLab(t)
	l.take(nil)
	l.look(0)
	jobstest.Equal(t, "state at first sight", l.state(), "active")
	l.look(queue.LostAfter - time.Second)
	jobstest.Equal(t, "state a moment later", l.state(), "active")
	l.look(time.Second)
	jobstest.Equal(t, "state after that", l.state(), "pending")
	l.start(t)
	if s := l.await(t, l.id, enqueue.StateDone); s.Attempts != 1 {
		t.Errorf("%d attempts, want one: being lost uses none", s.Attempts)
	}
}

func TestAJobOfAGoneWorkerIsPutBackOnceItsLeaseStandsStill(t *testing.T) {
	t.Parallel()
	l := newLostLab(t)
	lease := float64(2e9) // by whatever clock: a day ahead, or a year
	l.take(&lease)
	l.look(0)
	lease += 5
	jobstest.Must(t, l.rdb.ZAdd(t.Context(), key("lease"), redis.Z{Score: lease, Member: l.id}).Err())
	l.look(queue.LostAfter)
	jobstest.Equal(t, "state of a job whose lease is renewed", l.state(), "active")
	l.look(queue.LostAfter)
	jobstest.Equal(t, "state once it is not", l.state(), "pending")
	if n := l.rdb.ZCard(t.Context(), key("lease")).Val(); n != 0 {
		t.Errorf("%d leases are left", n)
	}
}

func TestAJobThatKillsItsWorkersIsLeftToWhoCounts(t *testing.T) {
	t.Parallel()
	l := newLostLab(t)
	lease := float64(2e9)
	for range queue.MostRescues {
		l.take(&lease)
		l.look(0)
		l.look(queue.LostAfter)
		jobstest.Equal(t, "state", l.state(), "pending")
	}
	l.take(&lease)
	l.look(0)
	l.look(queue.LostAfter)
	jobstest.Equal(t, "state after too many", l.state(), "active")
	given := jobstest.Value(l.rdb.ZScore(t.Context(), key("lease"), l.id).Result())(t)
	jobstest.Equal(t, "date of its lease, which asynq's recoverer goes by", given, 0)
}

func TestAJobInNoListIsFoundAndRun(t *testing.T) {
	t.Parallel()
	l := newLostLab(t)
	other := l.enqueue(t, jobs.Sweep{Tick: 1})
	jobstest.Must(t, l.rdb.LRem(t.Context(), key("pending"), 0, l.id).Err())
	l.look(0)
	if n := l.rdb.LLen(t.Context(), key("pending")).Val(); n != 1 {
		t.Errorf("%d jobs wait after one look, want the other one only: it may be on its way", n)
	}
	l.look(time.Minute)
	l.look(time.Minute)
	if got := l.rdb.LRange(t.Context(), key("pending"), 0, -1).Val(); len(got) != 2 || got[0] != l.id || got[1] != other {
		t.Errorf("the queue holds %v, want each once", got)
	}
	l.start(t)
	l.await(t, l.id, enqueue.StateDone)
}

func TestAJobOfWhichOnlyTheNameIsLeftIsShown(t *testing.T) {
	t.Parallel()
	l := newLostLab(t)
	l.take(nil)
	jobstest.Must(t, l.rdb.HDel(t.Context(), key("t:"+l.id), "msg").Err())
	l.look(0)
	l.look(queue.LostAfter)
	s := l.await(t, l.id, enqueue.StateDead)
	if s.Kind != jobs.KindRedeem || s.LastError.Message == "" {
		t.Errorf("%+v", s)
	}
	if n := l.rdb.LLen(t.Context(), key("active")).Val(); n != 0 {
		t.Errorf("%d jobs are active", n)
	}
}

func TestAJobThatALivingServerRunsIsLeftAlone(t *testing.T) {
	t.Parallel()
	l := newLostLab(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	l.params.Registry = handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		close(begun)
		<-finish
		return nil
	}}.registry()
	l.start(t)
	<-begun
	defer close(finish)
	inspector := asynq.NewInspectorFromRedisClient(l.rdb)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { // it says so at its next heartbeat
		for _, server := range jobstest.Value(inspector.Servers())(t) {
			if len(server.ActiveWorkers) == 1 {
				return true
			}
		}
		return false
	})
	// No renewal of the lease is seen here: that it is listed is enough.
	l.look(0)
	l.look(queue.LostAfter)
	jobstest.Equal(t, "state", l.state(), "active")
}
