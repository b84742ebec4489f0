package bench_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/pipeline"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

// BenchmarkIntake drains a queue of redeems: into the ledger, each with its
// `pending` event in the outbox, by us; into nothing by a bare server with the
// same concurrency. Both drain the same jobs from the same Redis.
func BenchmarkIntake(b *testing.B) {
	for name, put := range map[string]func(*store, context.Context, int) error{
		"alone": (*store).enqueueRedeems, "in-batches": (*store).enqueueFile,
	} {
		b.Run(name, func(b *testing.B) {
			s := newStore(b)
			n := size(10000)
			for b.Loop() {
				turns{rounds: 5, unit: "jobs/s",
					ours: func() float64 { return s.drainIntoLedger(b, n, put) },
					bare: func() float64 { return s.drainIntoNothing(b, n) },
				}.report(b)
			}
		})
	}
}

// fill begins a round: an organization that has synced, and n redeems.
func (s *store) fill(b *testing.B, n int, put func(*store, context.Context, int) error) {
	b.Helper()
	s.empty(b)
	s.begin(b, organization(0))
	jobstest.Must(b, put(s, b.Context(), n))
}

func (s *store) enqueueRedeems(ctx context.Context, n int) error {
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		group.Go(func() error {
			_, err := s.jobs.Enqueue(ctx, redeemOf(i))
			return err
		})
	}
	return group.Wait()
}

func (s *store) drainIntoLedger(b *testing.B, n int, put func(*store, context.Context, int) error) float64 {
	b.Helper()
	s.fill(b, n, put)
	before, work := s.outbox(b), s.work(b)
	all := newCountdown(n)
	rdb := s.pipeline(b)
	defer func() { _ = rdb.Close() }()
	server, err := queue.NewServer(queue.Params{
		Redis: rdb, Registry: s.intake(b, rdb), Queue: jobs.QueueIntake,
		Concurrency: intakeConcurrency, Servers: intakeServers, Convoy: intakeConvoy,
		Curve: curve(), Log: logger(),
		Observe: func(_, outcome string, _ time.Duration) {
			if outcome == queue.OutcomeDone {
				all.down()
			}
		},
	})
	jobstest.Must(b, err)
	took := measure(b, all, server.Run)
	work.reportSince(b, s, n)
	counts, err := s.ledger.Counts(b.Context(), organization(0))
	jobstest.Must(b, err)
	if events := s.outbox(b) - before; counts[sponsorship.Pending] != int64(n) || events != int64(n) {
		b.Fatalf("%d pending sponsorships and %d events, want %d", counts[sponsorship.Pending], events, n)
	}
	return perSecond(n, took)
}

// pipeline is the client that a worker uses for intake.
func (s *store) pipeline(b *testing.B) *pipeline.Client {
	b.Helper()
	at := enqueue.Redis{URL: s.server.URL}
	alone := jobstest.Value(at.Open())(b)
	at.NoRetries = true
	return pipeline.New(alone, jobstest.Value(at.Open())(b))
}

// intake is the registry of an intake queue.
func (s *store) intake(b *testing.B, rdb redis.UniversalClient) *queue.Registry {
	b.Helper()
	registry := queue.NewRegistry()
	handlers, err := intake.New(intake.Params{Ledger: newLedger(b, rdb), Waker: enqueue.NewSystem(s.jobs), Line: enqueue.NewSystem(s.jobs)})
	jobstest.Must(b, err)
	queue.Handle(registry, handlers.Redeem)
	queue.HandleTogether(registry, handlers.RedeemAll)
	queue.Handle(registry, handlers.ChangeSponsorship)
	queue.Handle(registry, handlers.Adopt)
	queue.Handle(registry, func(context.Context, jobs.Job[jobs.Sweep]) error { return nil })
	return registry
}

func (s *store) outbox(b *testing.B) int64 {
	b.Helper()
	n, err := s.ledger.OutboxLength(b.Context())
	jobstest.Must(b, err)
	return n
}

func (s *store) drainIntoNothing(b *testing.B, n int) float64 {
	b.Helper()
	s.fill(b, n, (*store).enqueueRedeems)
	all := newCountdown(n)
	server := newBareServer(b, s, jobs.QueueIntake, intakeConcurrency)
	took := measure(b, all, func(ctx context.Context) error {
		return server.run(ctx, func(context.Context, *asynq.Task) error {
			all.down()
			return nil
		})
	})
	return perSecond(n, took)
}

// measure runs a server until everything is counted down.
func measure(b *testing.B, all *countdown, run func(context.Context) error) time.Duration {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- run(ctx) }()
	select {
	case <-all.zero:
	case err := <-ended:
		b.Fatalf("the server ended early: %v", err)
	case <-time.After(deadline):
		b.Fatalf("%d jobs are left after %v", all.left.Load(), deadline)
	}
	took := time.Since(began)
	stop()
	jobstest.Must(b, <-ended)
	return took
}

// bareServer is asynq's own, on connections of its own.
type bareServer struct{ *asynq.Server }

func newBareServer(b *testing.B, s *store, q jobs.Queue, concurrency int) bareServer {
	b.Helper()
	options, err := asynq.ParseRedisURI(s.server.URL)
	jobstest.Must(b, err)
	return bareServer{asynq.NewServer(options, asynq.Config{
		Concurrency: concurrency, Queues: map[string]int{string(q): 1}, LogLevel: asynq.ErrorLevel,
	})}
}

func (s bareServer) run(ctx context.Context, handle asynq.HandlerFunc) error {
	if err := s.Start(handle); err != nil {
		return err
	}
	<-ctx.Done()
	s.Shutdown()
	return nil
}

// countdown closes zero when n calls of down were made.
type countdown struct {
	left atomic.Int64
	zero chan struct{}
}

func newCountdown(n int) *countdown {
	c := &countdown{zero: make(chan struct{})}
	c.left.Store(int64(n))
	return c
}

func (c *countdown) down() {
	if c.left.Add(-1) == 0 {
		close(c.zero)
	}
}
