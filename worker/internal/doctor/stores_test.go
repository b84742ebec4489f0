package doctor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/doctor"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

func TestRedisIsUnfit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, check, from, to string
		status                doctor.Status
		says                  string
	}{
		{"old", "redis version", "7.2.4", "6.0.16", doctor.Fail, "6.0.16 is too old"},
		{"oldest that works", "redis version", "7.2.4", "6.2.0", doctor.OK, "6.2.0"},
		{"two digits", "redis version", "7.2.4", "10.1.0", doctor.OK, "10.1.0"},
		{"silent", "redis version", "redis_version", "x", doctor.Warn, "does not say"},
		{"evicts", "redis eviction", "noeviction", "allkeys-lru", doctor.Fail, "allkeys-lru -> Set 'maxmemory-policy noeviction'"},
		{"silent of memory", "redis eviction", "maxmemory_policy", "x", doctor.Warn, "does not say"},
		{"forgets", "redis persistence", "aof_enabled:1", "aof_enabled:0", doctor.Warn, "appendonly yes"},
		{"cannot confirm", "redis durability", "7.2.4", "7.0.15", doctor.Warn, "cannot confirm that a write is on disk (WAITAOF) -> Use Redis 7.2"},
		{"confirms nothing", "redis durability", "aof_enabled:1", "aof_enabled:0", doctor.Warn, "never confirms"},
		{"confirms", "redis durability", "x", "x", doctor.OK, "on disk before"},
		{"silent of files", "redis persistence", "aof_enabled", "x", doctor.Warn, "does not say"},
	}
	b := setup(t)
	for _, tt := range tests {
		b.info.Store(strings.Replace(healthyInfo, tt.from, tt.to, 1))
		checks := b.run()
		expect(t, find(t, checks, tt.check), tt.status, tt.says)
		requireStartAgrees(t, b.env["REDIS_URL"], find(t, checks, tt.check))
		if tt.status == doctor.Fail {
			onlyFails(t, checks, tt.check)
		} else {
			onlyFails(t, checks)
		}
	}
}

// requireStartAgrees: what doctor finds, a worker warns of or refuses when it starts.
func requireStartAgrees(t *testing.T, url string, c doctor.Check) {
	t.Helper()
	rdb, err := enqueue.NewRedis(url)
	jobstest.Must(t, err)
	defer func() { jobstest.Must(t, rdb.Close()) }()
	warnings, err := queue.CheckRedis(t.Context(), rdb)
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	said := slices.Contains(warnings, c.Name+": "+c.Detail+"; "+c.Hint)
	if said != (c.Status != doctor.OK) {
		t.Errorf("doctor: %+v; at the start: %q", c, warnings)
	}
}

func TestRedisThatIsNeverOnDisk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fsync.Store("no")
	checks := b.run()
	onlyFails(t, checks)
	expect(t, find(t, checks, "redis durability"), doctor.Warn, "appendfsync is no", "Set 'appendfsync everysec'")
	requireStartAgrees(t, b.env["REDIS_URL"], find(t, checks, "redis durability"))
}

// Its settings promise what it does not keep.
func TestRedisThatNeverConfirms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.synced.Store(0)
	checks := b.run()
	onlyFails(t, checks)
	expect(t, find(t, checks, "redis durability"), doctor.Warn, "a write was not confirmed", "nothing is sent to the cloud")
}

func TestRedisIsAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ url, says string }{
		"down":    {"redis://:" + redisPassword + "@" + closedPort(t) + "/0", "refused"},
		"no name": {"redis://:" + redisPassword + "@redis..invalid:6379/0", "there is no such name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.env["REDIS_URL"] = test.url
			checks := b.run()
			onlyFails(t, checks, "redis")
			expect(t, find(t, checks, "redis"), doctor.Fail, test.says, "REDIS_URL")
			expect(t, find(t, checks, "redis eviction"), doctor.Warn, "not checked: redis failed")
			expect(t, find(t, checks, "connections"), doctor.Warn, "not checked: redis failed")
		})
	}
}

func TestRedisRefusesThePassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store.RequireAuth("another")
	expect(t, find(t, b.run(), "redis"), doctor.Fail, "WRONGPASS")
}

func TestNATSIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["NATS_URL"] = "nats://user:" + redisPassword + "@" + closedPort(t)
	checks := b.run()
	onlyFails(t, checks, "nats")
	expect(t, find(t, checks, "nats"), doctor.Fail, "NATS_URL", "events wait in Redis")
	expect(t, find(t, checks, "event stream"), doctor.Warn, "not checked: nats failed")
}

// plainNATS is a server as it comes without configuration, changed by set.
func plainNATS(t *testing.T, set func(*natsserver.Options)) string {
	t.Helper()
	o := &natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true}
	set(o)
	server, err := natsserver.NewServer(o)
	jobstest.Must(t, err)
	server.Start()
	t.Cleanup(func() { server.Shutdown(); server.WaitForShutdown() })
	if !server.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	return server.ClientURL()
}

func TestNATSWithoutJetStream(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["NATS_URL"] = plainNATS(t, func(*natsserver.Options) {})
	checks := b.run()
	onlyFails(t, checks, "jetstream")
	expect(t, find(t, checks, "jetstream"), doctor.Fail, "-js")
	expect(t, find(t, checks, "nats"), doctor.OK, natsserver.VERSION)
}

func TestNATSRefusesTheCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := plainNATS(t, func(o *natsserver.Options) { o.Username, o.Password = "user", "right" })
	b.env["NATS_URL"] = strings.Replace(url, "nats://", "nats://user:"+redisPassword+"@", 1)
	checks := b.run()
	onlyFails(t, checks, "nats")
	expect(t, find(t, checks, "nats"), doctor.Fail, "refuses the credentials", "SPONSORSYNC_NATS_CREDS_FILE")
}

func TestJetStreamMayNotBeSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["NATS_URL"] = plainNATS(t, func(o *natsserver.Options) {
		o.JetStream, o.StoreDir = true, t.TempDir()
		o.Users = []*natsserver.User{{Username: "user", Password: "right", Permissions: &natsserver.Permissions{
			Publish: &natsserver.SubjectPermission{Allow: []string{"$JS.API.STREAM.INFO.SPONSORSYNC"}},
		}}}
	})
	b.env["NATS_URL"] = strings.Replace(b.env["NATS_URL"], "nats://", "nats://user:right@", 1)
	checks := b.run()
	onlyFails(t, checks)
	expect(t, find(t, checks, "jetstream"), doctor.Warn, "Permissions Violation", "$JS.API.INFO", "NATS.md")
	expect(t, find(t, checks, "event stream"), doctor.Warn, "does not exist yet")
}

func TestNATSIsTooOld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["NATS_URL"] = jobstest.NATSOfVersion(t, "2.9.10")
	checks := b.run()
	onlyFails(t, checks, "nats")
	expect(t, find(t, checks, "nats"), doctor.Fail, "2.9.10", "Update nats-server to 2.10 or newer")
}

func TestStreamDoesNotExistYet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["NATS_URL"] = plainNATS(t, func(o *natsserver.Options) { o.JetStream, o.StoreDir = true, t.TempDir() })
	checks := b.run()
	onlyFails(t, checks)
	expect(t, find(t, checks, "event stream"), doctor.Warn, "SPONSORSYNC does not exist yet", "worker creates it")
}

// A stream as the events package makes it is what the check wants; one that
// lacks a setting is named.
func TestStreamSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expect(t, find(t, b.run(), "event stream"), doctor.OK, "as promised")

	js, err := events.Connect(events.Connection{URL: b.stack.NATSURL(), Name: t.Name()})
	jobstest.Must(t, err)
	defer js.Conn().Close()
	stream, err := js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	promised := stream.CachedInfo().Config
	for name, tt := range map[string]struct {
		spoil  func(*jetstream.StreamConfig)
		status doctor.Status
	}{
		"kept 24h0m0s":             {func(c *jetstream.StreamConfig) { c.MaxAge = 24 * time.Hour }, doctor.Warn},
		"duplicate window is 1m0s": {func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute }, doctor.Warn},
		"acknowledges nothing":     {func(c *jetstream.StreamConfig) { c.NoAck = true }, doctor.Warn},
		"all of sponsorsync.>":     {func(c *jetstream.StreamConfig) { c.Subjects = []string{"sponsorsync.*.sync.*"} }, doctor.Warn},
		"at most 1048576 bytes":    {func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }, doctor.Warn},
		"dropping old ones":        {func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardNew }, doctor.Warn},
		"1 replicas, not 3":        {func(c *jetstream.StreamConfig) {}, doctor.Warn},
		"storage is not file":      {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, doctor.Fail},
		"retention is not limits":  {func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, doctor.Fail},
		"sealed or a mirror":       {func(c *jetstream.StreamConfig) { c.Sealed = true }, doctor.Fail},
		"is as promised: file":     {func(c *jetstream.StreamConfig) { c.MaxAge = 0 }, doctor.OK}, // forever
	} {
		changed, replicas := promised, 1
		tt.spoil(&changed)
		if strings.Contains(name, "replicas") {
			replicas = 3
		}
		expect(t, doctor.CompareStream(changed, events.Settings{Replicas: replicas}), tt.status, name)
	}
}

func TestACrowdedStreamIsTold(t *testing.T) {
	t.Parallel()
	check := doctor.Check{Name: "event stream", Status: doctor.OK}
	for _, tt := range []struct {
		consumers, most int
		want            doctor.Status
	}{{799, -1, doctor.OK}, {800, -1, doctor.Warn}, {79, 100, doctor.OK}, {80, 100, doctor.Warn}} {
		info := &jetstream.StreamInfo{Config: jetstream.StreamConfig{MaxConsumers: tt.most}, State: jetstream.StreamState{Consumers: tt.consumers}}
		if got := doctor.Crowded(check, info); got.Status != tt.want {
			t.Errorf("%d of %d: got %+v", tt.consumers, tt.most, got)
		}
	}
}
