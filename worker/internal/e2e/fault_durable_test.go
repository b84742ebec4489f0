package e2e_test

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// patient lets a test look while a request without an answer holds its rows.
var patient = append(slices.Clone(hasty), "SPONSORSYNC_CLOUD_GRACE=12s")

// held waits until all members say that they wait, and why, and demands that nothing
// left meanwhile.
func (l *lab) held(requests int, why string) {
	l.t.Helper()
	jobstest.Eventually(l.t, deadline, func() bool {
		ids, _ := l.of(l.orgs[0])
		rows, err := l.ledger.Get(l.t.Context(), l.orgs[0].id, ids...)
		for _, r := range rows {
			if r.Reason == nil || !strings.Contains(r.Reason.Message, why) {
				return false
			}
		}
		return err == nil
	})
	if n := l.withRows(); n != requests {
		l.t.Errorf("%d requests with rows while the cloud is at work on the first", n)
	}
}

func (l *lab) withRows() (n int) {
	for _, r := range l.cloud.SyncRequests() {
		n += min(len(r.Rows), 1)
	}
	return n
}

func (l *lab) configure(name, value string) {
	l.t.Helper()
	jobstest.Must(l.t, l.rdb.ConfigSet(l.t.Context(), name, value).Err())
}

// TestRedisPutBackDuringARequest: it comes back with what it held before the request
// left. A worker that lived through it knows what it sent; for one that did not, all
// that is new waits.
func TestRedisPutBackDuringARequest(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"the worker lives": false, "the worker is killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setupFaults(t, 1, patient...)
			w := l.worker()
			l.redeem(l.orgs[0], 0, 10)
			l.pending()
			gate := l.hold(cloudtest.Loaded, l.orgs[0])
			l.configure("appendonly", "no") // from here on nothing is kept
			l.sync(l.orgs[0])
			l.arrived(gate)
			l.redis.Kill()
			why := "got no answer"
			if killed {
				w.kill()
				why = "a worker that was killed may have sent"
			}
			l.redis.Restart()
			if killed {
				l.worker()
			}
			l.sync(l.orgs[0]) // the first one is lost
			l.held(1, why)
			gate.Release()
			l.check()
		})
	}
}

// TestRedisAndTheWorkerKilledDuringARequest: what Redis said to be on disk is there.
func TestRedisAndTheWorkerKilledDuringARequest(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, patient...)
	l.configure("appendfsync", "everysec")
	w := l.worker()
	l.started()
	gate := l.hold(cloudtest.Loaded, l.orgs[0])
	l.redeem(l.orgs[0], 0, 1) // of many, some may come too late for the first request, and leave in another
	l.arrived(gate)
	l.redis.Kill()
	w.kill()
	l.redis.Restart()
	l.configure("appendfsync", "everysec") // as in its own settings, before anybody asks
	l.worker()
	l.held(1, "got no answer")
	gate.Release()
	l.check()
}

// TestRedisFailsOverDuringARequest: the primary is killed, its replica takes over,
// and the same worker stores the answer there.
func TestRedisFailsOverDuringARequest(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, patient...)
	replica := l.replica()
	p := l.behind("REDIS_URL", l.redis.URL)
	l.worker()
	l.started()
	gate := l.hold(cloudtest.Loaded, l.orgs[0])
	l.redeem(l.orgs[0], 0, 10)
	l.arrived(gate)
	l.redis.Kill()
	l.takeOver(replica)
	p.lead(l.rdb.(*redis.Client).Options().Addr)
	p.cut()
	l.redeem(l.orgs[0], 10, 12)
	gate.Release()
	l.check()
}

// TestNothingHappensWhileNoReplicaIsInStep: Redis was told to take no writes then, so that
// a fail-over forgets nothing that has left. Hooks are told why, and all goes on by itself.
func TestNothingHappensWhileNoReplicaIsInStep(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	replica := l.replica()
	l.configure("min-replicas-to-write", "1")
	l.worker()
	l.started()
	l.redeem(l.orgs[0], 0, 10)
	l.await(sponsorship.Sent, 10)
	replica.Kill()
	jobstest.Eventually(t, deadline, func() bool {
		err := l.rdb.Set(t.Context(), "sponsorsync:probe", 1, 0).Err()
		return err != nil && strings.HasPrefix(err.Error(), "NOREPLICAS")
	})
	if r := l.system.producer("", "redeem", "--org", string(org), "--user", string(user(10)), "--email", address(10)); r.status != 1 ||
		!strings.Contains(r.errors, "too few of its replicas are in step") {
		t.Errorf("a command ends with %d\n%s", r.status, r.errors)
	}
	replica.Restart()
	l.follow(replica)
	l.redeem(l.orgs[0], 10, 20)
	l.check()
}

// replica runs one that is in step with the system's Redis.
func (l *lab) replica() *jobstest.Process {
	l.t.Helper()
	l.configure("repl-diskless-sync-delay", "0")
	replica := jobstest.RealRedis(l.t)
	l.follow(replica)
	return replica
}

// follow makes a Redis a replica of the system's, and waits until it is in step.
func (l *lab) follow(replica *jobstest.Process) {
	l.t.Helper()
	u, err := url.Parse(l.redis.URL)
	jobstest.Must(l.t, err)
	host, port, err := net.SplitHostPort(u.Host)
	jobstest.Must(l.t, err)
	rdb, err := enqueue.NewRedis(replica.URL)
	jobstest.Must(l.t, err)
	defer func() { _ = rdb.Close() }()
	jobstest.Must(l.t, rdb.SlaveOf(l.t.Context(), host, port).Err())
	jobstest.Eventually(l.t, deadline, func() bool {
		return strings.Contains(l.rdb.Info(l.t.Context(), "replication").Val(), "state=online")
	})
}

// takeOver makes the replica the system's Redis.
func (l *lab) takeOver(replica *jobstest.Process) {
	l.t.Helper()
	var err error
	l.redis = replica
	l.rdb, err = enqueue.NewRedis(replica.URL)
	jobstest.Must(l.t, err)
	rdb := l.rdb
	l.t.Cleanup(func() { _ = rdb.Close() })
	jobstest.Must(l.t, rdb.SlaveOf(l.t.Context(), "NO", "ONE").Err())
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(l.t, err)
	l.ledger = ledger.New(rdb, sealer)
	l.queue = enqueue.New(rdb, enqueue.Options{})
	l.inspector = enqueue.NewInspector(l.queue)
}
