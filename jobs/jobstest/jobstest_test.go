package jobstest_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o jobstest.Options) *jobstest.Stack {
	t.Helper()
	stack, err := jobstest.Start(o)
	jobstest.Must(t, err)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	return stack
}

func dial(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	jobstest.Must(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { jobstest.Must(t, client.Close()) })
	return client
}

func TestStacksAreApart(t *testing.T) {
	t.Parallel()
	a, b := dial(t, start(t, jobstest.Options{}).RedisURL()), dial(t, start(t, jobstest.Options{}).RedisURL())
	jobstest.Must(t, a.Set(t.Context(), "key", "a", 0).Err())
	if err := b.Get(t.Context(), "key").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("the other stack has the key: %v", err)
	}
}

func TestKeysExpireAsTimeGoesBy(t *testing.T) {
	t.Parallel()
	client := dial(t, start(t, jobstest.Options{}).RedisURL())
	jobstest.Must(t, client.Set(t.Context(), "lease", "mine", 50*time.Millisecond).Err())
	jobstest.Must(t, client.Set(t.Context(), "long lease", "mine", time.Hour).Err())
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return client.Exists(t.Context(), "lease").Val() == 0 })
	if client.Exists(t.Context(), "long lease").Val() != 1 {
		t.Error("time ran too fast")
	}
}

func TestStoreDirOutlivesTheStack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 2 {
		stack, err := jobstest.Start(jobstest.Options{StoreDir: dir})
		jobstest.Must(t, err)
		js, err := events.Connect(events.Connection{URL: stack.NATSURL()})
		jobstest.Must(t, err)
		stream, err := js.Stream(t.Context(), events.StreamName)
		if found := err == nil; found != (round == 1) {
			t.Errorf("round %d: stream %v, %v", round, stream, err)
		}
		jobstest.Must(t, events.EnsureStream(t.Context(), js, events.Settings{}))
		js.Conn().Close()
		jobstest.Must(t, stack.Close())
	}
}

func TestStartSaysWhichAddressIsTaken(t *testing.T) {
	t.Parallel()
	stack := start(t, jobstest.Options{})
	redisAddr := strings.TrimSuffix(strings.TrimPrefix(stack.RedisURL(), "redis://"), "/0")
	if _, err := jobstest.Start(jobstest.Options{RedisAddr: redisAddr}); err == nil || !strings.Contains(err.Error(), "Redis") {
		t.Errorf("got %v", err)
	}
	if _, err := jobstest.Start(jobstest.Options{NATSAddr: "nowhere"}); err == nil || !strings.Contains(err.Error(), "NATS") {
		t.Errorf("got %v", err)
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	stack, err := jobstest.Start(jobstest.Options{})
	jobstest.Must(t, err)
	jobstest.Must(t, stack.Close())
	jobstest.Must(t, stack.Close())
}

func TestRequireEnqueuedFindsTheJobInAnyState(t *testing.T) {
	t.Parallel()
	rdb := dial(t, start(t, jobstest.Options{}).RedisURL())
	client := asynq.NewClientFromRedisClient(rdb)
	for _, c := range []struct {
		args    jobs.Args
		options []asynq.Option
	}{
		{jobs.Sync{OrganizationID: "not this kind"}, nil},
		{jobs.SyncLicense{OrganizationID: "ann"}, []asynq.Option{asynq.Queue("intake")}},
		{jobs.SyncLicense{OrganizationID: "bob"}, []asynq.Option{asynq.ProcessIn(time.Hour)}},
	} {
		payload, err := json.Marshal(c.args)
		jobstest.Must(t, err)
		_, err = client.EnqueueContext(t.Context(), asynq.NewTask(string(c.args.Kind()), payload), c.options...)
		jobstest.Must(t, err)
	}
	for _, org := range []sponsorship.ID{"ann", "bob"} {
		got := jobstest.RequireEnqueued(t, rdb, func(l jobs.SyncLicense) bool { return l.OrganizationID == org })
		jobstest.Equal(t, "found", got.OrganizationID, org)
	}
	jobstest.RequireEnqueued[jobs.SyncLicense](t, rdb, nil)
}

func TestRequireEventWaitsForTheRightOne(t *testing.T) {
	t.Parallel()
	stack := start(t, jobstest.Options{})
	js, err := events.Connect(events.Connection{URL: stack.NATSURL()})
	jobstest.Must(t, err)
	t.Cleanup(js.Conn().Close)
	publisher := events.NewPublisher(js, events.Settings{})
	const org, user = sponsorship.ID("11111111-1111-4111-8111-111111111111"), sponsorship.ID("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1")
	publish := func(revision uint64, to sponsorship.Status) {
		e, err := events.NewSponsorship(events.Sponsorship{
			OrganizationID: org, OrganizationUserID: user, To: to, Revision: revision}, time.Now())
		jobstest.Must(t, err)
		jobstest.Must(t, publisher.Publish(t.Context(), []events.Encoded{e})[0])
	}
	publish(1, sponsorship.Pending)
	first := jobstest.RequireEvent[events.Sponsorship](t, js, nil)
	publish(2, sponsorship.Sent)
	sent := jobstest.RequireEvent(t, js, func(e events.Event[events.Sponsorship]) bool { return e.Data.To == sponsorship.Sent })
	if first.Data.Revision != 1 || sent.Data.Revision != 2 {
		t.Errorf("got revisions %d and %d", first.Data.Revision, sent.Data.Revision)
	}
}

func TestRealRedisKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	server := jobstest.RealRedis(t)
	client := dial(t, server.URL)
	jobstest.Must(t, client.Set(t.Context(), "key", "value", 0).Err())
	server.Restart() // a kill -9 of the process loses nothing that was written
	got, err := client.Get(t.Context(), "key").Result()
	jobstest.Must(t, err)
	if got != "value" {
		t.Errorf("got %q", got)
	}
}

func TestAPausedServerIsSilentUntilResumed(t *testing.T) {
	t.Parallel()
	server := jobstest.RealRedis(t)
	options, err := redis.ParseURL(server.URL)
	jobstest.Must(t, err)
	options.ContextTimeoutEnabled, options.MaxRetries = true, -1
	client := redis.NewClient(options)
	t.Cleanup(func() { jobstest.Must(t, client.Close()) })
	ping := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return client.Ping(ctx).Err()
	}
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return ping() == nil })
	server.Pause()
	if ping() == nil {
		t.Error("a paused server answered")
	}
	server.Resume()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return ping() == nil })
}

func TestRealNATSKeepsItsStreamAndPort(t *testing.T) {
	t.Parallel()
	server := jobstest.RealNATS(t)
	for round := range 2 {
		js, err := events.Connect(events.Connection{URL: server.URL})
		jobstest.Must(t, err)
		_, err = js.Stream(t.Context(), events.StreamName)
		if found := err == nil; found != (round == 1) {
			t.Errorf("round %d: %v", round, err)
		}
		jobstest.Must(t, events.EnsureStream(t.Context(), js, events.Settings{}))
		js.Conn().Close()
		server.Kill()
		server.Kill() // the dead stay dead
		server.Restart()
	}
}

// complaint records a failed assertion instead of ending the test.
type complaint struct {
	testing.TB
	text string
}

func (c *complaint) Helper() {}
func (c *complaint) Fatalf(format string, _ ...any) {
	c.text = format
}

func TestEventuallyFailsAtItsDeadline(t *testing.T) {
	t.Parallel()
	c := &complaint{TB: t}
	jobstest.Eventually(c, time.Millisecond, func() bool { return false })
	if c.text == "" {
		t.Error("no complaint")
	}
}

func TestNothingIsLeftOnDisk(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	stack, err := jobstest.Start(jobstest.Options{})
	jobstest.Must(t, err)
	if files, _ := filepath.Glob(filepath.Join(temp, "*")); len(files) == 0 {
		t.Error("JetStream stores nothing where it should")
	}
	jobstest.Must(t, stack.Close())
	if files, _ := os.ReadDir(temp); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}
