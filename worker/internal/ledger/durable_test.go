//go:build linux || darwin

package ledger_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// onReal is a ledger on a real Redis, with one pending row.
func onReal(t *testing.T, addr func(url string) string) (bundle, *jobstest.Process) {
	t.Helper()
	server := jobstest.RealRedis(t)
	o, err := redis.ParseURL(server.URL)
	jobstest.Must(t, err)
	o.Addr, o.ContextTimeoutEnabled = addr(o.Addr), true
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(t, err)
	b := bundle{t: t, rdb: rdb, Ledger: ledger.New(rdb, sealer)}
	jobstest.Must(t, rdb.ConfigSet(t.Context(), "appendfsync", "always").Err())
	jobstest.Must(t, b.Beat(t.Context()))
	_, err = b.RequestFull(t.Context(), org, ledger.Request{JobID: "first", Trigger: ledger.Manual})
	jobstest.Must(t, err)
	return b, server
}

func direct(addr string) string { return addr }

func (b bundle) offer() (*ledger.Session, ledger.Departure) {
	b.t.Helper()
	row := b.None(org, user(1))
	after := pending(1)
	after.Revision = row.Revision + 1
	_, err := b.Accept(b.t.Context(), "job", ledger.Write{Before: row.Revision, After: after})
	jobstest.Must(b.t, err)
	s := b.begin("sync")
	return s, ledger.Departure{Request: "one", Life: life, Rows: []ledger.Departing{b.departing(1, ledger.Offer)}}
}

// commands is a proxy that notes, per connection, which commands went through.
type commands struct {
	to string

	mu   sync.Mutex
	seen map[int][]string
}

func (c *commands) listen(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	jobstest.Must(t, err)
	var running sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); running.Wait() })
	running.Go(func() {
		for n := 0; ; n++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", c.to)
			if err != nil {
				_ = client.Close()
				continue
			}
			running.Go(func() { _, _ = io.Copy(client, server); _ = client.Close(); _ = server.Close() })
			running.Go(func() { _, _ = io.Copy(io.MultiWriter(c.of(n), server), client); _ = server.Close() })
		}
	})
	return listener.Addr().String()
}

type commandsOf struct {
	c *commands
	n int
}

func (c *commands) of(n int) io.Writer { return commandsOf{c, n} }

func (w commandsOf) Write(p []byte) (int, error) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	for _, name := range []string{"evalsha", "waitaof"} {
		if strings.Contains(strings.ToLower(string(p)), "\r\n"+name+"\r\n") {
			w.c.seen[w.n] = append(w.c.seen[w.n], name)
		}
	}
	return len(p), nil
}

func TestTheMarkIsConfirmedOnTheConnectionThatWroteIt(t *testing.T) {
	t.Parallel()
	proxy := &commands{seen: map[int][]string{}}
	b, _ := onReal(t, func(addr string) string { proxy.to = addr; return proxy.listen(t) })
	s, d := b.offer()
	proxy.mu.Lock()
	clear(proxy.seen)
	proxy.mu.Unlock()
	for range 3 {
		marked, err := s.Mark(t.Context(), d)
		jobstest.Must(t, err)
		if !marked[0].Left {
			t.Fatalf("marked %+v", marked[0])
		}
	}
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	for n, names := range proxy.seen {
		if got := strings.Join(names, " "); !strings.HasPrefix(got, "evalsha") || strings.Count(got, "waitaof") != 3 {
			t.Errorf("connection %d carried %q, want each script with its own waitaof behind it", n, got)
		}
	}
	if len(proxy.seen) == 0 {
		t.Error("nothing went through the proxy")
	}
}

func TestNothingLeavesUnconfirmed(t *testing.T) {
	t.Parallel()
	b, _ := onReal(t, direct)
	s, d := b.offer()
	b.rdb.AddHook(unconfirmed{})
	if _, err := s.Mark(t.Context(), d); !errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("err = %v, want ErrNotDurable", err)
	}
}

// unconfirmed is a disk that is too slow.
type unconfirmed struct{ redis.Hook }

func (unconfirmed) DialHook(next redis.DialHook) redis.DialHook { return next }
func (unconfirmed) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (unconfirmed) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if asked, ok := cmd.(*redis.Cmd); ok && strings.EqualFold(cmd.Name(), "waitaof") {
			asked.SetVal([]any{int64(0), int64(0)})
			return nil
		}
		return next(ctx, cmd)
	}
}

// replica is a Redis that follows the bundle's, and is in step.
func (b bundle) replica(number int) (*jobstest.Process, *redis.Client) {
	b.t.Helper()
	server := jobstest.RealRedis(b.t)
	o := jobstest.Value(redis.ParseURL(server.URL))(b.t)
	rdb := redis.NewClient(o)
	b.t.Cleanup(func() { _ = rdb.Close() })
	host, port, _ := strings.Cut(b.rdb.(*redis.Client).Options().Addr, ":")
	jobstest.Must(b.t, rdb.SlaveOf(b.t.Context(), host, port).Err())
	jobstest.Eventually(b.t, jobstest.Timeout, func() bool {
		text, _ := b.rdb.Info(b.t.Context(), "replication").Result()
		return strings.Count(text, "state=online") == number
	})
	return server, rdb
}

func TestTheReplicasConfirmToo(t *testing.T) {
	t.Parallel()
	b, _ := onReal(t, direct)
	s, d := b.offer()
	jobstest.Must(t, b.rdb.ConfigSet(t.Context(), "repl-diskless-sync-delay", "0").Err())
	_, one := b.replica(1)
	slow, two := b.replica(2)
	marked, err := s.Mark(t.Context(), d)
	if err != nil || !marked[0].Left {
		t.Fatalf("with two replicas in step: %+v, %v", marked, err)
	}
	for _, rdb := range []*redis.Client{one, two} {
		if found := rdb.HExists(t.Context(), state.Key(org, "inflight"), string(user(1))).Val(); !found {
			t.Error("a replica that could take over does not know of the request")
		}
	}
	slow.Pause()
	defer slow.Resume()
	if _, err := s.Mark(t.Context(), d); !errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("with one that hangs: %v, want ErrNotDurable", err)
	}
}

// The pool's connections are dead after a restart; that alone is no reason to fail.
func TestAMarkSurvivesARestartOfRedis(t *testing.T) {
	t.Parallel()
	b, server := onReal(t, direct)
	s, d := b.offer()
	marked, err := s.Mark(t.Context(), d)
	if err != nil || !marked[0].Left {
		t.Fatalf("%+v, %v", marked, err)
	}
	server.Restart()
	if marked, err = s.Mark(t.Context(), d); err != nil || !marked[0].Left {
		t.Fatalf("the same request after a restart: %+v, %v", marked, err)
	}
	d.Request = "two"
	if marked, err = s.Mark(t.Context(), d); err != nil || marked[0].Left {
		t.Fatalf("another request after a restart: %+v, %v; want it held", marked, err)
	}
}
