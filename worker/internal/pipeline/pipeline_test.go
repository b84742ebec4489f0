package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/pipeline"
)

// TestMain allows for a pool that looks, once a second, whether a dead server is
// back, and learns only then that it was closed.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// tell is a script that counts its runs and answers with its argument, or fails.
const tell = `redis.call('INCR', 'runs:' .. ARGV[1])
if ARGV[1] == 'fail' then return redis.error_reply('FAILED on demand') end
return ARGV[1]`

// bundle is a client whose scripts travel together, with a watch on the line.
type bundle struct {
	*pipeline.Client
	t      *testing.T
	server *miniredis.Miniredis
	line   *line
	sha    string
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{t: t, server: miniredis.RunT(t), line: &line{}}
	b.Client = connect(redis.Options{Addr: b.server.Addr(), MaxRetries: 1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = b.Close() })
	sha, err := b.ScriptLoad(t.Context(), tell).Result()
	jobstest.Must(t, err)
	b.sha = sha
	b.Watch(b.line, b.line)
	return b
}

func connect(o redis.Options) *pipeline.Client {
	once := o
	once.MaxRetries = -1
	return pipeline.New(redis.NewClient(&o), redis.NewClient(&once))
}

func (b bundle) tell(ctx context.Context, word string) (string, error) {
	return b.EvalSha(ctx, b.sha, nil, word).Text()
}

// busy holds the line, by two scripts that leave alone, until it is freed.
func (b bundle) busy() (free func(), group *errgroup.Group) {
	b.t.Helper()
	open := b.line.close()
	group = &errgroup.Group{}
	for _, word := range []string{"first", "second"} {
		b.call(group, word)
	}
	eventually(b.t, func() bool { return b.line.alone.Load() == 2 })
	return open, group
}

// call wants its own word back.
func (b bundle) call(group *errgroup.Group, word string) {
	group.Go(func() error {
		got, err := b.tell(b.t.Context(), word)
		if err != nil || got != word {
			return fmt.Errorf("got %q, %v, want %q", got, err, word)
		}
		return nil
	})
}

func (b bundle) awaitLine(n int) {
	b.t.Helper()
	eventually(b.t, func() bool { return b.Waiting() == n })
}

func TestAScriptThatComesAloneLeavesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got, err := b.tell(t.Context(), "hello")
	jobstest.Must(t, err)
	if got != "hello" || b.line.alone.Load() != 1 || b.line.batches.Load() != 0 {
		t.Fatalf("got %q; %d alone and %d batches, want 1 and 0", got, b.line.alone.Load(), b.line.batches.Load())
	}
}

func TestThoseThatComeMeanwhileTravelTogetherAndGetTheirOwnAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	free, group := b.busy()
	const crowd = 20
	for n := range crowd - 1 {
		b.call(group, fmt.Sprint("crowd-", n))
	}
	group.Go(func() error {
		if _, err := b.tell(t.Context(), "fail"); err == nil || !strings.Contains(err.Error(), "on demand") {
			return fmt.Errorf("error %v, want the script's own", err)
		}
		return nil
	})
	b.awaitLine(crowd)
	free()
	jobstest.Must(t, group.Wait())
	if batches, scripts := b.line.batches.Load(), b.line.scripts.Load(); batches != 1 || scripts != crowd {
		t.Errorf("%d batches of %d scripts, want 1 of %d", batches, scripts, crowd)
	}
	if alone := b.line.alone.Load(); alone != 2 {
		t.Errorf("%d left alone, want the first two", alone)
	}
	b.eachRanOnce()
}

func TestTheLineIsFreeAgainAfterwards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	free, group := b.busy()
	b.call(group, "third")
	b.call(group, "fourth")
	b.awaitLine(2)
	free()
	jobstest.Must(t, group.Wait())
	for range 3 {
		if _, err := b.tell(t.Context(), "later"); err != nil {
			t.Fatal(err)
		}
	}
	if alone := b.line.alone.Load(); alone != 5 {
		t.Errorf("%d left alone, want 5: a batch did not let the next go", alone)
	}
}

func TestOtherCommandsPass(t *testing.T) {
	t.Parallel()
	b := setup(t)
	free, group := b.busy()
	b.call(group, "third")
	b.awaitLine(1)
	jobstest.Must(t, b.Set(t.Context(), "key", "value", 0).Err())
	free()
	jobstest.Must(t, group.Wait())
}

func TestWithoutAConnectionEverybodyIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.line.close()
	const callers = 10
	var failed atomic.Int64
	var group errgroup.Group
	for n := range callers {
		group.Go(func() error {
			if _, err := b.tell(t.Context(), fmt.Sprint(n)); err != nil {
				failed.Add(1)
			}
			return nil
		})
	}
	b.awaitLine(callers - 2)
	b.server.Close()
	open()
	jobstest.Must(t, group.Wait())
	if failed.Load() != callers {
		t.Fatalf("%d of %d callers were told", failed.Load(), callers)
	}
}

func TestALostAnswerIsAskedForAgainAloneAndNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.line.lose.Store(2)
	free, group := b.busy()
	for n := range 4 {
		b.call(group, fmt.Sprint("crowd-", n))
	}
	b.awaitLine(4)
	free()
	jobstest.Must(t, group.Wait())
	if alone := b.line.alone.Load(); alone != 2+2 {
		t.Errorf("%d left alone, want the first two and the two that were lost", alone)
	}
}

// As after a restart of Redis, or while a replica takes over: no script ran.
func TestARedisThatIsNotReadyIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"LOADING Redis is loading the dataset in memory", "READONLY You can't write against a read only replica.", "NOREPLICAS Not enough good replicas to write."} {
		b := setup(t)
		b.line.refuse.Store(refusal(text))
		free, group := b.busy()
		for n := range 4 {
			b.call(group, fmt.Sprint("crowd-", n))
		}
		b.awaitLine(4)
		free()
		jobstest.Must(t, group.Wait())
		b.eachRanOnce()
	}
}

func TestTheLeadersEndIsNotTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	free, group := b.busy()
	leader := make(chan error, 1)
	go func() {
		_, err := b.tell(ctx, "leader")
		leader <- err
	}()
	b.awaitLine(1)
	for n := range 5 {
		b.call(group, fmt.Sprint("crowd-", n))
	}
	b.awaitLine(6)
	cancel()
	free()
	jobstest.Must(t, group.Wait())
	if err := <-leader; err != nil {
		t.Errorf("the leader, whose script ran: %v", err)
	}
	if alone := b.line.alone.Load(); alone != 2 {
		t.Errorf("%d left alone, want the first two: the batch came to an end with its leader", alone)
	}
	b.eachRanOnce()
}

// eachRanOnce checks that no script was carried out twice.
func (b bundle) eachRanOnce() {
	b.t.Helper()
	for _, key := range b.server.Keys() {
		if runs, _ := b.server.Get(key); runs != "1" {
			b.t.Errorf("%s = %s, want 1", key, runs)
		}
	}
}

// line counts what leaves, holds it back while its gate is closed, and can lose
// the last answers of a batch, or refuse all of it.
type line struct {
	alone, batches, scripts, lose atomic.Int64
	refuse                        atomic.Value // a refusal that meets every batch

	mu   sync.Mutex
	gate chan struct{}
}

func (l *line) close() (open func()) {
	gate := make(chan struct{})
	l.mu.Lock()
	l.gate = gate
	l.mu.Unlock()
	return func() { close(gate) }
}

func (l *line) wait() {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

func (l *line) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (l *line) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			l.alone.Add(1)
			l.wait()
		}
		return next(ctx, cmd)
	}
}

func (l *line) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() != "evalsha" { // the greeting of a new connection
			return next(ctx, cmds)
		}
		l.batches.Add(1)
		l.scripts.Add(int64(len(cmds)))
		if refused, ok := l.refuse.Load().(refusal); ok {
			for _, cmd := range cmds {
				cmd.SetErr(refused)
			}
			return refused
		}
		err := next(ctx, cmds)
		for n := l.lose.Load(); n > 0; n-- {
			err = io.ErrUnexpectedEOF
			cmds[len(cmds)-int(n)].SetErr(err)
		}
		return err
	}
}

// refusal is an error that Redis answers.
type refusal string

func (r refusal) Error() string { return string(r) }
func (refusal) RedisError()     {}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(10 * time.Second); !cond(); <-ticker.C {
		if time.Now().After(end) {
			t.Fatal("not true within 10 s")
		}
	}
}
