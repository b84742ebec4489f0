package enqueue_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

func TestEnqueueFollowsThePolicy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, args := range []jobs.Args{
		redeem("ann@example.com"), jobs.Sync{OrganizationID: org}, jobs.SyncPending{OrganizationID: org}, jobs.Sweep{Tick: 7},
	} {
		policy, _ := args.Kind().Policy()
		receipt, err := b.client.Enqueue(t.Context(), args)
		if err != nil {
			t.Fatal(err)
		}
		info, err := b.asynq.GetTaskInfo(string(policy.Queue), receipt.ID)
		if err != nil {
			t.Fatalf("%s: %v", args.Kind(), err)
		}
		if receipt.Kind != args.Kind() || receipt.Duplicate || info.Type != string(args.Kind()) {
			t.Errorf("%s: receipt %+v of a %s", args.Kind(), receipt, info.Type)
		}
		if info.MaxRetry != policy.MaxAttempts || info.Retention != policy.Retention {
			t.Errorf("%s: %d tries and retention %v, want %d (one is spare) and %v", args.Kind(), info.MaxRetry, info.Retention, policy.MaxAttempts, policy.Retention)
		}
		if info.Timeout <= policy.Timeout {
			t.Errorf("%s: asynq's timeout %v must come after the worker's %v", args.Kind(), info.Timeout, policy.Timeout)
		}
		if _, err := jobs.Decode(args.Kind(), info.Payload); err != nil {
			t.Errorf("%s: payload cannot be read back: %v", args.Kind(), err)
		}
	}
}

func TestEnqueueRefusesInvalidArguments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.client.Enqueue(t.Context(), redeem("not an address"))
	if fault.CodeOf(err) != fault.InvalidArguments {
		t.Errorf("error %v, want invalid_arguments", err)
	}
	if n := b.count(t, jobs.QueueIntake); n != 0 {
		t.Errorf("%d jobs were enqueued", n)
	}
}

func TestEnqueueWithTakenID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, duplicate := range []bool{false, true} {
		receipt, err := b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithID("mine"))
		if err != nil || receipt.ID != "mine" || receipt.Duplicate != duplicate {
			t.Errorf("try %d: %+v, %v, want duplicate %v", i, receipt, err, duplicate)
		}
	}
	if n := b.count(t, jobs.QueueIntake); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
}

// A lost answer makes the Redis client send the command again, which then finds
// the id taken: by itself.
func TestLostAnswerIsNoDuplicate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var lose atomic.Bool
	rdb := redis.NewClient(&redis.Options{Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.store.Addr())
		return &lossy{Conn: conn, lose: &lose}, err
	}})
	t.Cleanup(func() { _ = rdb.Close() })
	client := enqueue.New(rdb, enqueue.Options{})
	if _, err := client.Enqueue(t.Context(), redeem("ann@example.com")); err != nil { // loads the script
		t.Fatal(err)
	}
	lose.Store(true)
	receipt, err := client.Enqueue(t.Context(), redeem("bob@example.com"))
	if err != nil || receipt.Duplicate {
		t.Errorf("%+v, %v, want a plain success", receipt, err)
	}
	if lose.Load() {
		t.Error("no answer was lost; the test shows nothing")
	}
	if n := b.count(t, jobs.QueueIntake); n != 2 {
		t.Errorf("%d jobs, want 2", n)
	}
}

// lossy drops the answer to one script and the connection with it.
type lossy struct {
	net.Conn
	lose    *atomic.Bool
	dropped bool
}

func (l *lossy) Write(p []byte) (int, error) {
	if bytes.Contains(bytes.ToLower(p), []byte("evalsha")) && l.lose.CompareAndSwap(true, false) {
		l.dropped = true
	}
	return l.Conn.Write(p)
}

func (l *lossy) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p) // until the server has answered, it may not have done it
	if l.dropped {
		return 0, io.EOF
	}
	return n, err
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store.Close()
	_, one := b.client.Enqueue(t.Context(), redeem("ann@example.com"))
	_, many := b.client.EnqueueAll(t.Context(), []jobs.Args{redeem("ann@example.com")}, enqueue.WithIdempotency(enqueue.Idempotency{Key: "k"}))
	_, _, look := b.inspector.Job(t.Context(), "x")
	_, depths := enqueue.Depths(t.Context(), b.rdb)
	for i, err := range []error{
		one, many, look, depths, enqueue.NewSystem(b.client).Wake(t.Context(), org, "1"), enqueue.NewSystem(b.client).Sweep(t.Context(), 1),
		b.inspector.Delete(t.Context(), "x"),
	} {
		if fault.CodeOf(err) != fault.QueueUnavailable {
			t.Errorf("call %d: %v, want queue_unavailable", i, err)
		}
	}
}

// A Redis that accepts and never answers must not hold a hook beyond its
// deadline, whatever the client's own timeouts are.
func TestHungRedisObeysTheDeadline(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	rdb, err := enqueue.NewRedis("redis://" + listener.Addr().String() + "?read_timeout=1h")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := newClient(rdb).Enqueue(ctx, redeem("ann@example.com")); fault.CodeOf(err) != fault.QueueUnavailable {
		t.Errorf("error %v, want queue_unavailable", err)
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("it returned before the deadline")
	}
}

func TestNewRedis(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "http://x", "redis://:hunter2@host/0/1", "redis://:hunter2/x@host", "redis://:hunter2@h/db"} {
		_, err := enqueue.NewRedis(bad)
		if err == nil {
			t.Errorf("%q was taken", bad)
		} else if bytes.Contains([]byte(err.Error()), []byte("hunter2")) {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	rdb, err := enqueue.NewRedis("rediss://ann:secret@host:1/3?pool_size=7")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rdb.Close() }()
	o := rdb.(*redis.Client).Options()
	if !o.ContextTimeoutEnabled || o.Username != "ann" || o.DB != 3 || o.TLSConfig == nil || o.PoolSize != 7 {
		t.Errorf("options %+v", o)
	}
}
