package e2e_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// The fault suite: what breaks, breaks for real, and then three ledgers are
// compared: what was acknowledged, what the cloud saw and mailed, what the stream
// holds (see lab.check). By file:
//
//	fault_siege   five hundred kills with everything else going wrong, too
//	fault_kill    a worker is killed: at random, and between answer and record
//	fault_stop    SIGTERM; clocks that disagree
//	fault_redis   Redis is killed, away, hung; its answers are lost
//	fault_durable Redis crashes, fails over or is put back while a request is under way
//	fault_nats    NATS is away; acknowledgements are lost; the stream is deleted
//	fault_cloud   the cloud hangs, limits, refuses; one row of a batch is bad
//	fault_access  tokens expire and rotate; credentials are replaced
//	fault_jobs    poisonous, damaged, doubled and dead jobs; versions mixed
//	fault_http    hooks doubled and during a hang; schedulers are killed
//
// Not here: Sentinel, which is not supported; a full Redis, which is a Redis
// that refuses writes; canceling what runs, which nothing can. The tolerance of
// webhook timestamps is tested where hooks are verified, in producer/internal,
// and a panic where handlers are called, in worker/internal/queue: no input of
// ours makes a handler panic.

// long is set by make faults: more of everything, and waits of their real length.
func long() bool { return os.Getenv("SPONSORSYNC_TEST_LONG") != "" }

func scaled[T any](short, extended T) T {
	if long() {
		return extended
	}
	return short
}

// hasty makes a worker look for stuck work, and try again, sooner than by default.
var hasty = []string{
	"SPONSORSYNC_SWEEP_INTERVAL=1s", "SPONSORSYNC_RETRY_BASE=100ms", "SPONSORSYNC_CLOUD_TIMEOUT=5s", "SPONSORSYNC_CLOUD_GRACE=1s",
}

// lab is a system with several organizations, whose members are known by number.
type lab struct {
	*system
	queue     *enqueue.Client
	inspector *enqueue.Inspector
	orgs      []tenant
	goesOn    bool // the cloud is at work on requests whose callers are gone

	mu      sync.Mutex
	acked   []string // ids of the jobs that were acknowledged
	members map[int]*member
}

// tenant is one organization here and in the cloud.
type tenant struct {
	id     sponsorship.ID
	remote cloudtest.Organization
}

// member is what must become of one sponsorship.
type member struct {
	org    sponsorship.ID
	status sponsorship.Status
	mailed []string // addresses with exactly one offer
	maybe  []string // addresses with one offer at most: it was withdrawn, perhaps in time
}

func setupFaults(t *testing.T, organizations int, env ...string) *lab {
	t.Helper()
	l := &lab{system: start(t, env...), members: map[int]*member{}}
	l.queue = enqueue.New(l.rdb, enqueue.Options{})
	l.inspector = enqueue.NewInspector(l.queue)
	l.orgs = []tenant{{org, l.remote}}
	for n := 1; n < organizations; n++ {
		o := tenant{sponsorship.ID(fmt.Sprintf("10000000-0000-4000-8000-1%011d", n)), l.cloud.AddOrganization()}
		jobstest.Must(t, l.ledger.Connect(t.Context(), o.id, state.Connection{
			CloudOrganizationID: sponsorship.ID(o.remote.ID), BillingSyncToken: secret.Text(o.remote.BillingSyncKey),
		}))
		l.orgs = append(l.orgs, o)
	}
	return l
}

// worker starts one and waits until it is up: a signal would otherwise find a
// program that does not know yet what to do with it.
func (l *lab) worker() *program { return l.system.worker().ready() }

// enqueue puts a job in, under one id however often it takes, and notes the
// acknowledgement. It returns an error only when the context ends.
func (l *lab) enqueue(ctx context.Context, args jobs.Args) error {
	id := newID()
	for {
		once, cancel := context.WithTimeout(ctx, time.Second)
		_, err := l.queue.Enqueue(once, args, enqueue.WithID(id))
		cancel()
		if err == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.acked = append(l.acked, id)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("enqueue: %w", err)
		}
	}
}

// redeem enqueues the redeems of members first to last-1 of an organization: half of them one
// by one, the others in one call.
func (l *lab) redeem(o tenant, first, last int) {
	l.t.Helper()
	half := first + (last-first+1)/2
	for n := first; n < half; n++ {
		jobstest.Must(l.t, l.redeemOne(l.t.Context(), o, n))
	}
	var together []jobs.Args
	for n := half; n < last; n++ {
		together = append(together, l.wish(o, n))
	}
	for part := range slices.Chunk(together, enqueue.MaxBatch) {
		jobstest.Must(l.t, l.enqueueAll(l.t.Context(), part))
	}
}

func (l *lab) redeemOne(ctx context.Context, o tenant, n int) error {
	return l.enqueue(ctx, l.wish(o, n))
}

// wish notes what must become of a member's redeem.
func (l *lab) wish(o tenant, n int) jobs.Redeem {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members[n] = &member{org: o.id, status: sponsorship.Sent, mailed: []string{address(n)}}
	return jobs.Redeem{OrganizationID: o.id, OrganizationUserID: user(n), SponsoredEmail: address(n)}
}

// enqueueAll is enqueue for jobs in one call.
func (l *lab) enqueueAll(ctx context.Context, all []jobs.Args) error {
	once := enqueue.WithIdempotency(enqueue.Idempotency{Key: newID()})
	for {
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		receipts, err := l.queue.EnqueueAll(bounded, all, once)
		cancel()
		if err == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, r := range receipts {
				l.acked = append(l.acked, r.ID)
			}
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("enqueue %d jobs: %w", len(all), err)
		}
	}
}

// change offers a member's sponsorship to another address.
func (l *lab) change(ctx context.Context, n int) error {
	m := l.members[n]
	m.status, m.maybe, m.mailed = sponsorship.Sent, m.mailed, []string{"new-" + address(n)}
	return l.enqueue(ctx, jobs.ChangeSponsorship{OrganizationID: m.org, OrganizationUserID: user(n), SponsoredEmail: m.mailed[0]})
}

func (l *lab) revoke(ctx context.Context, n int) error {
	m := l.members[n]
	m.status, m.maybe, m.mailed = sponsorship.Removed, m.mailed, nil
	return l.enqueue(ctx, jobs.ChangeSponsorship{OrganizationID: m.org, OrganizationUserID: user(n), Revoke: true})
}

// sync enqueues full syncs.
func (l *lab) sync(all ...tenant) {
	l.t.Helper()
	for _, o := range all {
		jobstest.Must(l.t, l.enqueue(l.t.Context(), jobs.Sync{OrganizationID: o.id}))
	}
}

// pending waits until all redeems are in the ledger.
func (l *lab) pending() {
	l.t.Helper()
	jobstest.Eventually(l.t, deadline, func() bool { return l.count(sponsorship.Pending) == len(l.members) })
}

// count counts the sponsorships of a status; -1 while Redis is away.
func (l *lab) count(status sponsorship.Status) int {
	total := 0
	for _, o := range l.orgs {
		counts, err := l.ledger.Counts(l.t.Context(), o.id)
		if err != nil {
			return -1
		}
		total += int(counts[status])
	}
	return total
}

// started runs a first sync of every organization.
func (l *lab) started() {
	l.t.Helper()
	l.sync(l.orgs...)
	l.jobsDone(deadline)
}

// jobsDone waits until every acknowledged job is done.
func (l *lab) jobsDone(within time.Duration) {
	l.t.Helper()
	waiting := map[string]string{}
	for _, id := range l.acked {
		waiting[id] = "never looked at"
	}
	look := func() bool {
		for id := range waiting {
			status, found, err := l.inspector.Job(l.t.Context(), id)
			switch {
			case err != nil:
				return false
			case !found:
				waiting[id] = "lost"
			case status.State == enqueue.StateDone:
				delete(waiting, id)
			default:
				waiting[id] = fmt.Sprintf("%s, %v", status.State, status.LastError)
			}
		}
		return len(waiting) == 0
	}
	defer func() {
		if len(waiting) > 0 {
			l.t.Logf("%d acknowledged jobs are not done, such as %v", len(waiting), some(waiting, 5))
		}
	}()
	jobstest.Eventually(l.t, within, look)
}

// settled waits until the ledger says of every member what it should.
func (l *lab) settled(within time.Duration) {
	l.t.Helper()
	defer func() {
		if off := l.off(); len(off) > 0 {
			l.t.Logf("%d members are not what they should be, such as %v", len(off), some(off, 5))
		}
	}()
	jobstest.Eventually(l.t, within, func() bool { return len(l.off()) == 0 })
}

// off lists the members whose record is not yet what it should become.
func (l *lab) off() map[int]string {
	off := map[int]string{}
	for _, o := range l.orgs {
		ids, numbers := l.of(o)
		records, err := l.ledger.Get(l.t.Context(), o.id, ids...)
		if err != nil {
			return map[int]string{-1: err.Error()}
		}
		for i, r := range records {
			if want := l.members[numbers[i]].status; r.Status != want {
				off[numbers[i]] = fmt.Sprintf("%q, want %q", r.Status, want)
			}
		}
	}
	return off
}

func (l *lab) of(o tenant) (ids []sponsorship.ID, numbers []int) {
	for n, m := range l.members {
		if m.org == o.id {
			ids, numbers = append(ids, user(n)), append(numbers, n)
		}
	}
	return ids, numbers
}

func some[K comparable, V any](m map[K]V, n int) map[K]V {
	few := map[K]V{}
	for k, v := range m {
		if len(few) < n {
			few[k] = v
		}
	}
	return few
}

// leasesExpire makes the queue's leases of dead workers as old as they will be in
// two minutes: the next worker that starts takes their jobs up. There must be no
// worker alive, whose leases would suffer too. (In the long suite time passes by
// itself.)
func (l *lab) leasesExpire() {
	l.t.Helper()
	for _, q := range jobs.Queues() {
		key := "asynq:{" + string(q) + "}:lease"
		held, err := l.rdb.ZRangeWithScores(l.t.Context(), key, 0, -1).Result()
		jobstest.Must(l.t, err)
		for _, z := range held {
			jobstest.Must(l.t, l.rdb.ZAdd(l.t.Context(), key, redis.Z{Member: z.Member, Score: z.Score - 120}).Err())
		}
	}
}
