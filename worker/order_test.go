package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/pipeline"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

const orderedOrg = sponsorship.ID("10000000-0000-4000-8000-000000000001")

// orderLab is a Redis with producers and workers, as many as a test wants; intake
// is wired as in production.
type orderLab struct {
	*testing.T
	redis  *jobstest.Process
	rdb    redis.UniversalClient
	ledger *ledger.Ledger
}

func newOrderLab(t *testing.T) orderLab {
	t.Helper()
	l := orderLab{T: t, redis: jobstest.RealRedis(t)}
	l.rdb = l.client()
	sealer := jobstest.Value(state.NewSealer([]byte(encryptionKey)))(t)
	l.ledger = ledger.New(l.rdb, sealer)
	return l
}

func (l orderLab) client() redis.UniversalClient {
	l.Helper()
	rdb := jobstest.Value(enqueue.NewRedis(l.redis.URL))(l)
	l.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func (l orderLab) producer() *enqueue.Client {
	l.Helper()
	return enqueue.New(l.client(), enqueue.Options{})
}

// worker runs the intake queue until the test ends. Each job that fails says so
// first on its first attempt.
func (l orderLab) worker(fails func(jobs.Args) bool) {
	l.Helper()
	rdb := l.client()
	conv := pipeline.New(rdb, jobstest.Value(enqueue.Redis{URL: l.redis.URL, NoRetries: true}.Open())(l))
	system := enqueue.NewSystem(enqueue.New(rdb, enqueue.Options{}))
	in := jobstest.Value(intake.New(intake.Params{Ledger: l.ledger.Through(conv), Waker: system, Line: system}))(l)
	r := queue.NewRegistry()
	queue.Handle(r, flaky(in.Redeem, fails))
	queue.HandleTogether(r, func(ctx context.Context, all []jobs.Job[jobs.Redeem]) []bool {
		if fails(all[0].Args) {
			return make([]bool, len(all))
		}
		return in.RedeemAll(ctx, all)
	})
	queue.Handle(r, flaky(in.ChangeSponsorship, fails))
	queue.Handle(r, in.Adopt)
	queue.Handle(r, func(context.Context, jobs.Job[jobs.Sweep]) error { return nil })
	server := jobstest.Value(queue.NewServer(queue.Params{
		Redis: conv, Registry: r, Queue: jobs.QueueIntake, Concurrency: 16, Servers: intakeLoops, Convoy: convoy,
		Curve: jobs.Curve{Base: time.Millisecond, Max: time.Millisecond}, Log: zerolog.Nop(),
	}))(l)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	l.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, conv.Close()); err != nil {
			l.Errorf("the worker did not stop cleanly: %v", err)
		}
	})
}

func flaky[A jobs.Args](handle func(context.Context, jobs.Job[A]) error, fails func(jobs.Args) bool) func(context.Context, jobs.Job[A]) error {
	return func(ctx context.Context, job jobs.Job[A]) error {
		if job.Attempt == 1 && fails(job.Args) {
			return errors.New("Redis was away for a moment")
		}
		return handle(ctx, job)
	}
}

func never(jobs.Args) bool { return false }

func orderedUser(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n))
}

// wishes are what one member wants, in this order: the last one counts.
func wishes(n int) []jobs.Args {
	return []jobs.Args{
		jobs.Redeem{OrganizationID: orderedOrg, OrganizationUserID: orderedUser(n), SponsoredEmail: "a@example.com"},
		jobs.ChangeSponsorship{OrganizationID: orderedOrg, OrganizationUserID: orderedUser(n), SponsoredEmail: "b@example.com"},
		jobs.ChangeSponsorship{OrganizationID: orderedOrg, OrganizationUserID: orderedUser(n), SponsoredEmail: "c@example.com"},
	}
}

// regret is a redeem and its revocation.
func regret(n int) []jobs.Args {
	return []jobs.Args{
		jobs.Redeem{OrganizationID: orderedOrg, OrganizationUserID: orderedUser(n), SponsoredEmail: "a@example.com"},
		jobs.ChangeSponsorship{OrganizationID: orderedOrg, OrganizationUserID: orderedUser(n), Revoke: true},
	}
}

// put is how the wishes of a member come into the queue.
type put func(l orderLab, all []jobs.Args, producers ...*enqueue.Client)

// bothWays runs a test whose jobs come one by one, and once more with those of a member in
// one batch.
func bothWays(t *testing.T, test func(*testing.T, put)) {
	t.Run("alone", func(t *testing.T) { test(t, orderLab.put) })
	t.Run("in batches", func(t *testing.T) { test(t, orderLab.putTogether) })
}

// putTogether enqueues jobs in one call.
func (l orderLab) putTogether(all []jobs.Args, producers ...*enqueue.Client) {
	l.Helper()
	jobstest.Value(producers[0].EnqueueAll(l.Context(), all))(l)
}

// put enqueues jobs one after another, by the producers in turn.
func (l orderLab) put(all []jobs.Args, producers ...*enqueue.Client) {
	l.Helper()
	for i, args := range all {
		jobstest.Value(producers[i%len(producers)].Enqueue(l.Context(), args))(l)
	}
}

// settled waits until the queue is empty; then no job may be dead.
func (l orderLab) settled() {
	l.Helper()
	jobstest.Eventually(l, 2*time.Minute, func() bool {
		depths, err := enqueue.Depths(l.Context(), l.rdb)
		jobstest.Must(l, err)
		if depths[0].Archived != 0 {
			l.Fatalf("%d jobs are dead", depths[0].Archived)
		}
		return depths[0].Pending+depths[0].Active+depths[0].Retry+depths[0].Scheduled == 0
	})
}

// all demands something of the sponsorships of members 0 to n-1.
func (l orderLab) all(n int, want string, is func(sponsorship.Sponsorship) bool) {
	l.Helper()
	wrong := 0
	for user := range n {
		s := jobstest.Value(l.ledger.Get(l.Context(), orderedOrg, orderedUser(user)))(l)[0]
		if !is(s) {
			wrong++
		}
	}
	if wrong > 0 {
		l.Errorf("%d of %d members do not end with %s", wrong, n, want)
	}
	refused, err := l.rdb.ZCard(l.Context(), state.ShardKey(state.Shard(orderedOrg), "refused")).Result()
	if err != nil || refused != 0 {
		l.Errorf("%d jobs were refused, %v", refused, err)
	}
}

func endsWithC(s sponsorship.Sponsorship) bool {
	return s.Email == "c@example.com" && s.Status == sponsorship.Pending
}

// revoked: and nothing of it waits to be sent.
func revoked(s sponsorship.Sponsorship) bool {
	return s.Status == sponsorship.Removed && !s.Due()
}

// A member's wishes come in batches and alone by turns.
func TestTheOrderHoldsBetweenBatchesAndSingleJobs(t *testing.T) {
	l := newOrderLab(t)
	l.worker(never)
	l.worker(never)
	producer := l.producer()
	for step := range 3 {
		var array []jobs.Args
		for n := range orderedMembers {
			array = append(array, wishes(n)[step])
		}
		if step == 1 {
			l.put(array, producer)
		} else {
			l.putTogether(array, producer)
		}
	}
	l.settled()
	l.all(orderedMembers, "the address that was wished for last", endsWithC)
}

const orderedMembers = 200

func TestJobsOfOneMemberTakeEffectInTheirOrder(t *testing.T) {
	bothWays(t, func(t *testing.T, put put) {
		l := newOrderLab(t)
		l.worker(never)
		for n := range orderedMembers {
			put(l, wishes(n), l.producer())
		}
		l.settled()
		l.all(orderedMembers, "the address that was wished for last", endsWithC)
	})
}

func TestARevocationNeverOvertakesItsRedeem(t *testing.T) {
	bothWays(t, func(t *testing.T, put put) {
		l := newOrderLab(t)
		l.worker(never)
		producer := l.producer()
		for n := range orderedMembers {
			put(l, regret(n), producer)
		}
		l.settled()
		l.all(orderedMembers, "nothing", revoked)
	})
}

func TestTheOrderHoldsWhileTheWorkerIsAway(t *testing.T) {
	bothWays(t, func(t *testing.T, put put) {
		l := newOrderLab(t)
		producer := l.producer()
		for n := range orderedMembers {
			put(l, regret(n), producer)
		}
		l.worker(never)
		l.settled()
		l.all(orderedMembers, "nothing", revoked)
	})
}

func TestTheItemsOfAnArrayKeepTheirOrder(t *testing.T) {
	l := newOrderLab(t)
	l.worker(never)
	producer := l.producer()
	var array []jobs.Args
	for n := range orderedMembers {
		array = append(array, wishes(n)...)
	}
	jobstest.Value(producer.EnqueueAll(t.Context(), array))(t)
	l.settled()
	l.all(orderedMembers, "the address that was wished for last", endsWithC)
}

func TestTheOrderHoldsForTwoWorkersAndTwoProducers(t *testing.T) {
	l := newOrderLab(t)
	l.worker(never)
	l.worker(never)
	one, two := l.producer(), l.producer()
	for n := range orderedMembers {
		l.put(wishes(n), one, two)
	}
	l.settled()
	l.all(orderedMembers, "the address that was wished for last", endsWithC)
}

func TestAJobThatIsTriedAgainHoldsTheLaterOnes(t *testing.T) {
	bothWays(t, func(t *testing.T, put put) {
		l := newOrderLab(t)
		l.worker(func(args jobs.Args) bool { return args.Kind() == jobs.KindRedeem })
		producer := l.producer()
		const members = 40
		for n := range members {
			put(l, wishes(n), producer)
		}
		l.settled()
		l.all(members, "the address that was wished for last", endsWithC)
	})
}

// A hundred wishes of one member at once are carried out in a moment, not one a
// second: who waits in the queue is called when its turn comes.
func TestManyJobsOfOneMemberDoNotWaitForTheQueue(t *testing.T) {
	l := newOrderLab(t)
	var array []jobs.Args
	array = append(array, wishes(0)...)
	for n := range 300 {
		array = append(array, jobs.ChangeSponsorship{
			OrganizationID: orderedOrg, OrganizationUserID: orderedUser(0), FriendlyName: fmt.Sprint("label ", n),
		})
	}
	jobstest.Value(l.producer().EnqueueAll(t.Context(), array))(t)
	l.worker(func(args jobs.Args) bool { return args.Kind() == jobs.KindRedeem })
	l.settled()
	l.all(1, "its last label", func(s sponsorship.Sponsorship) bool { return s.Name == "label 299" })
}
