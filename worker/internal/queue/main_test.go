package queue_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	org    sponsorship.ID = "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	member sponsorship.ID = "0b0b0b0b-ab5d-4bb3-9b7a-000000000001"
)

var redeem = jobs.Redeem{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: "ann@example.com"}

// handlers of the intake queue. Those that a test leaves out succeed.
type handlers struct {
	redeem func(context.Context, jobs.Job[jobs.Redeem]) error
	change func(context.Context, jobs.Job[jobs.ChangeSponsorship]) error
	adopt  func(context.Context, jobs.Job[jobs.Adopt]) error
	sweep  func(context.Context, jobs.Job[jobs.Sweep]) error
}

func (h handlers) registry() *queue.Registry {
	r := queue.NewRegistry()
	handle(r, h.redeem)
	handle(r, h.change)
	handle(r, h.adopt)
	handle(r, h.sweep)
	return r
}

func handle[A jobs.Args](r *queue.Registry, h func(context.Context, jobs.Job[A]) error) {
	if h == nil {
		h = func(context.Context, jobs.Job[A]) error { return nil }
	}
	queue.Handle(r, h)
}

type bundle struct {
	rdb       redis.UniversalClient
	client    *enqueue.Client
	inspector *enqueue.Inspector
	asynq     *asynq.Client
	log       *lockedBuffer
	seen      *record
	params    queue.Params // of the intake queue; change before start
}

func setup(t *testing.T, h handlers) bundle {
	t.Helper()
	store := miniredis.RunT(t)
	rdb, err := enqueue.NewRedis("redis://" + store.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	client := enqueue.New(rdb, enqueue.Options{})
	b := bundle{
		rdb: rdb, client: client, inspector: enqueue.NewInspector(client),
		asynq: asynq.NewClientFromRedisClient(rdb), log: &lockedBuffer{}, seen: &record{},
	}
	b.params = queue.Params{
		Redis: rdb, Registry: h.registry(), Queue: jobs.QueueIntake, Concurrency: 8, Convoy: 4,
		Curve:   jobs.Curve{Base: time.Millisecond, Max: time.Millisecond},
		Log:     zerolog.New(b.log).Level(zerolog.DebugLevel),
		Observe: func(kind, outcome string, _ time.Duration) { b.seen.add(kind + " " + outcome) },
	}
	return b
}

// start runs a server until the test ends or stop is called, and all jobs have ended.
func (b bundle) start(t *testing.T) (stop func()) {
	t.Helper()
	run := b.run(t)
	stop = sync.OnceFunc(func() {
		if err := run(); err != nil {
			t.Errorf("the server did not stop cleanly: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// run runs a server until stop is called, which returns how it ended.
func (b bundle) run(t *testing.T) (stop func() error) {
	t.Helper()
	server, err := queue.NewServer(b.params)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

func (b bundle) enqueue(t *testing.T, args jobs.Args) (id string) {
	t.Helper()
	receipt, err := b.client.Enqueue(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.ID
}

// raw enqueues what no client of ours would.
func (b bundle) raw(t *testing.T, kind, payload string, opts ...asynq.Option) (id string) {
	t.Helper()
	opts = append([]asynq.Option{asynq.Queue(string(jobs.QueueIntake)), asynq.MaxRetry(3), asynq.Retention(time.Hour)}, opts...)
	info, err := b.asynq.EnqueueContext(t.Context(), asynq.NewTask(kind, []byte(payload)), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}

// await waits until the job is in a state.
func (b bundle) await(t *testing.T, id, state string) enqueue.Status {
	t.Helper()
	var s enqueue.Status
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		var err error
		s, _, err = b.inspector.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return s.State == state
	})
	return s
}

// record collects lines from several goroutines.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
