package cli_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/cli"
)

const (
	acme      = "11111111-1111-4111-8111-11111111111a"
	cloudAcme = "22222222-2222-4222-8222-222222222222"
	member    = "33333333-3333-4333-8333-33333333333c"
	address   = "someone@example.com"
	// token has the form of a billing sync token.
	token = "abcdefghijABCDEFGHIJ0123456789"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is what a run of the program left behind.
type result struct {
	status   int
	out, err string
}

// bundle is the world of one test.
type bundle struct {
	t         *testing.T
	stack     *jobstest.Stack
	rdb       redis.UniversalClient
	ledger    *state.Ledger
	client    *enqueue.Client
	inspector *enqueue.Inspector
	environ   []string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	stack, err := jobstest.Start(jobstest.Options{})
	if err != nil {
		t.Fatalf("start stack: %v", err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	rdb, err := enqueue.NewRedis(stack.RedisURL())
	if err != nil {
		t.Fatalf("open Redis: %v", err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, err := state.NewSealer([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatalf("make sealer: %v", err)
	}
	client := enqueue.New(rdb, enqueue.Options{})
	return &bundle{
		t: t, stack: stack, rdb: rdb, ledger: state.New(rdb, sealer), client: client, inspector: enqueue.NewInspector(client),
		environ: []string{"REDIS_URL=" + stack.RedisURL(), "NATS_URL=" + stack.NATSURL()},
	}
}

// withKey is the environment with the encryption key of the bundle's ledger.
func (b *bundle) withKey() *bundle {
	b.environ = append(b.environ, "SPONSORSYNC_ENCRYPTION_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	return b
}

func (b *bundle) run(args ...string) result { return b.runWith("", args...) }

func (b *bundle) runWith(stdin string, args ...string) result {
	b.t.Helper()
	return run(b.t.Context(), b.environ, stdin, args...)
}

func run(ctx context.Context, environ []string, stdin string, args ...string) result {
	var out, stderr buffer
	status := program(environ, strings.NewReader(stdin), &out, &stderr).Run(ctx, args)
	return result{status, out.String(), stderr.String()}
}

func program(environ []string, stdin io.Reader, stdout, stderr io.Writer) cli.Program {
	return cli.Program{
		Environ: environ, Stdin: stdin, Stdout: stdout, Stderr: stderr, Version: "v1.2.3", Now: time.Now,
		Serve: func(context.Context, config.Environ, io.Writer) error { return errors.New("not in this test") },
	}
}

// requireStatus fails the test, with all that was said, on another status.
func requireStatus(t *testing.T, r result, status int) {
	t.Helper()
	if r.status != status {
		t.Fatalf("exit status %d, want %d\nstdout:\n%s\nstderr:\n%s", r.status, status, r.out, r.err)
	}
}

func requireContains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

func requireAbsent(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%q must not be in:\n%s", part, text)
		}
	}
}

func (b *bundle) seed() jobstest.Ledger { return jobstest.Ledger{Redis: b.rdb} }

// store puts a sponsorship into the ledger as it is. Like fail it may be called
// by a worker.
func (b *bundle) store(s sponsorship.Sponsorship) {
	b.t.Helper()
	ctx := context.WithoutCancel(b.t.Context()) // a command may see the row, and end the test, before its job has ended
	s.OrganizationID, s.Revision = acme, s.Revision+1
	if err := b.seed().Put(ctx, s); err != nil {
		b.t.Errorf("store sponsorship: %v", err)
	}
}

// start is what a first sync by hand does.
func (b *bundle) start() {
	b.t.Helper()
	if err := b.seed().Start(b.t.Context(), acme); err != nil {
		b.t.Fatalf("start organization: %v", err)
	}
}

// fail is what a failed sync leaves.
func (b *bundle) fail(f jobstest.Failure) {
	b.t.Helper()
	f.At = time.Now()
	if err := b.seed().Fail(b.t.Context(), acme, f); err != nil {
		b.t.Errorf("fail sync: %v", err)
	}
}

// work runs jobs with do until the test ends.
func (b *bundle) work(do func(jobs.Args) error) {
	b.t.Helper()
	server := asynq.NewServerFromRedisClient(b.rdb, asynq.Config{
		Queues:                   map[string]int{string(jobs.QueueIntake): 1, string(jobs.QueueUrgent): 1},
		TaskCheckInterval:        5 * time.Millisecond,
		DelayedTaskCheckInterval: 5 * time.Millisecond,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 0 },
		Logger:                   silent{}, LogLevel: asynq.FatalLevel,
	})
	err := server.Start(asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		if task.Type() == string(jobs.KindBatch) {
			batch, err := jobs.DecodeBatch(task.Payload())
			return errors.Join(err, enqueue.NewSystem(b.client).Apart(ctx, batch.Items, task.Headers()))
		}
		args, err := jobs.Decode(jobs.Kind(task.Type()), task.Payload())
		if err != nil {
			return err
		}
		return do(args)
	}))
	if err != nil {
		b.t.Fatalf("start worker: %v", err)
	}
	b.t.Cleanup(server.Shutdown)
}

// dead is an error that ends a job for good, with the text alone.
type dead struct{ error }

func (dead) Unwrap() error { return asynq.SkipRetry }

// bury makes a dead job of args and returns its id.
func (b *bundle) bury(args jobs.Args, cause error) string {
	b.t.Helper()
	receipt, err := b.client.Enqueue(b.t.Context(), args)
	if err != nil {
		b.t.Fatalf("enqueue: %v", err)
	}
	b.work(func(jobs.Args) error { return dead{cause} })
	jobstest.Eventually(b.t, jobstest.Timeout, func() bool {
		job, found, err := b.inspector.Job(b.t.Context(), receipt.ID)
		return err == nil && found && job.State == enqueue.StateDead
	})
	return receipt.ID
}

// enqueuedJobs is how many jobs there are, in all queues.
func (b *bundle) enqueuedJobs() int {
	b.t.Helper()
	return len(jobstest.Tasks(b.rdb))
}

type silent struct{}

func (silent) Debug(...any) {}
func (silent) Info(...any)  {}
func (silent) Warn(...any)  {}
func (silent) Error(...any) {}
func (silent) Fatal(...any) {}

// buffer may be read while the program writes.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
