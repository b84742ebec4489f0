package doctor_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/doctor"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const org sponsorship.ID = "11111111-1111-4111-8111-111111111111"

const (
	redisPassword = "canary-redis-password"
	billingToken  = "canary-billing-sync-token"
)

var key = []byte("canary-key-0123456789abcdefghijk")

const healthyInfo = "# Server\r\nredis_version:7.2.4\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n"

// bundle is a world in which every check is ok, and the environment that says
// so. Tests break one thing.
type bundle struct {
	t            *testing.T
	cloud        *cloudtest.Cloud
	installation cloudtest.Installation
	stack        *jobstest.Stack // its NATS only
	store        *miniredis.Miniredis
	seed         jobstest.Ledger
	ledger       *state.Ledger
	info         atomic.Value // what Redis says of itself
	fsync        atomic.Value // its setting appendfsync
	synced       atomic.Int64 // how many files WAITAOF says are on disk
	env          map[string]string
	file         string        // of an env file, if any
	params       doctor.Params // settings are read from env
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, cloud: cloudtest.New(cloudtest.Options{}), store: miniredis.RunT(t)}
	jobstest.Must(t, b.cloud.Start())
	t.Cleanup(func() { jobstest.Must(t, b.cloud.Close()) })
	b.installation = b.cloud.AddInstallation()
	b.startStores(t)
	b.env = map[string]string{
		"globalSettings__enableCloudCommunication":  "true",
		"globalSettings__installation__id":          b.installation.ID,
		"globalSettings__installation__key":         b.installation.Key,
		"globalSettings__installation__identityUri": b.cloud.URL(),
		"globalSettings__installation__apiUri":      b.cloud.URL(),
		"REDIS_URL":                                 "redis://:" + redisPassword + "@" + b.store.Addr() + "/0",
		"NATS_URL":                                  b.stack.NATSURL(),
		"SPONSORSYNC_ENCRYPTION_KEY":                base64.StdEncoding.EncodeToString(key),
		"SPONSORSYNC_LICENSE_DIR":                   t.TempDir(),
	}
	b.params.Now = time.Now
	return b
}

func (b *bundle) startStores(t *testing.T) {
	t.Helper()
	b.info.Store(healthyInfo)
	b.fsync.Store("everysec")
	b.synced.Store(1)
	b.store.RequireAuth(redisPassword)
	b.store.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
		switch cmd {
		case "INFO":
			c.WriteBulk(b.info.Load().(string))
		case "CONFIG":
			c.WriteStrings([]string{"appendfsync", b.fsync.Load().(string)})
		case "WAITAOF":
			c.WriteLen(2)
			c.WriteInt(int(b.synced.Load()))
			c.WriteInt(0)
		default:
			return false
		}
		return true
	})
	rdb := redis.NewClient(&redis.Options{Addr: b.store.Addr(), Password: redisPassword})
	t.Cleanup(func() { jobstest.Must(t, rdb.Close()) })
	sealer, err := state.NewSealer(key)
	jobstest.Must(t, err)
	b.ledger, b.seed = state.New(rdb, sealer), jobstest.Ledger{Redis: rdb}
	jobstest.Must(t, b.seed.AddWorker(t.Context(), state.Worker{ID: "1", Host: "here", PID: 1, Safety: registry.Safety}))
	jobstest.Must(t, b.ledger.BeatScheduler(t.Context(), time.Hour))
	b.connect()

	b.stack, err = jobstest.Start(jobstest.Options{})
	jobstest.Must(t, err)
	t.Cleanup(func() { jobstest.Must(t, b.stack.Close()) })
	js, err := events.Connect(events.Connection{URL: b.stack.NATSURL(), Name: t.Name()})
	jobstest.Must(t, err)
	defer js.Conn().Close()
	jobstest.Must(t, events.EnsureStream(t.Context(), js, events.Settings{}))
}

// connect stores a connection that has synced once.
func (b *bundle) connect() {
	b.t.Helper()
	ctx, now := b.t.Context(), time.Now
	jobstest.Must(b.t, b.ledger.Connect(ctx, org, state.Connection{CloudOrganizationID: org, BillingSyncToken: billingToken}))
	jobstest.Must(b.t, b.seed.Sync(ctx, org, now(), now().Add(24*time.Hour)))
}

func (b *bundle) environ() config.Environ {
	b.t.Helper()
	var all []string
	for name, value := range b.env {
		all = append(all, name+"="+value)
	}
	var files []string
	if b.file != "" {
		files = []string{filepath.Join(b.t.TempDir(), "env")}
		jobstest.Must(b.t, os.WriteFile(files[0], []byte(b.file), 0o600))
	}
	env, err := config.Read(all, files)
	jobstest.Must(b.t, err)
	return env
}

// run makes the checks and demands that no report of them holds a secret.
func (b *bundle) run() []doctor.Check {
	b.t.Helper()
	settings, err := config.LoadWorker(b.environ())
	jobstest.Must(b.t, err)
	b.params.Settings = settings
	checks := doctor.Run(b.t.Context(), b.params)
	var text, document bytes.Buffer
	jobstest.Must(b.t, doctor.WriteText(&text, checks))
	jobstest.Must(b.t, doctor.WriteJSON(&document, checks))
	b.requireNoSecret(text.String())
	b.requireNoSecret(document.String())
	if n := strings.Count(text.String(), "\n"); n != len(checks)+1 { // and the summary
		b.t.Errorf("%d lines for %d checks", n, len(checks))
	}
	b.t.Logf("\n%s", &text)
	return checks
}

func (b *bundle) requireNoSecret(report string) {
	b.t.Helper()
	for _, secret := range []string{redisPassword, billingToken, b.installation.Key, string(key), b.env["SPONSORSYNC_ENCRYPTION_KEY"], "access_token"} {
		if strings.Contains(report, secret) {
			b.t.Errorf("%q is in the report:\n%s", secret, report)
		}
	}
}

// find returns the check of a name, which must be there once.
func find(t *testing.T, checks []doctor.Check, name string) doctor.Check {
	t.Helper()
	var found []doctor.Check
	for _, c := range checks {
		if c.Name == name {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d checks named %q in %+v", len(found), name, checks)
	}
	return found[0]
}

// expect demands a status and parts of what is said and hinted.
func expect(t *testing.T, c doctor.Check, status doctor.Status, parts ...string) {
	t.Helper()
	if c.Status != status {
		t.Errorf("%s is %s (%s), want %s", c.Name, c.Status, c.Detail, status)
	}
	for _, part := range parts {
		if !strings.Contains(c.Detail+" -> "+c.Hint, part) {
			t.Errorf("%s says %q and hints %q, want %q", c.Name, c.Detail, c.Hint, part)
		}
	}
}

// onlyFails demands that these checks, and no others, failed.
func onlyFails(t *testing.T, checks []doctor.Check, names ...string) {
	t.Helper()
	var failed []string
	for _, c := range checks {
		if c.Status == doctor.Fail {
			failed = append(failed, c.Name)
		}
	}
	if !slices.Equal(failed, names) {
		t.Errorf("failed: %q, want %q", failed, names)
	}
	if doctor.Passed(checks) != (len(names) == 0) {
		t.Errorf("passed: %v", doctor.Passed(checks))
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	jobstest.Must(t, err)
	jobstest.Must(t, listener.Close())
	return listener.Addr().String()
}

func decode(t *testing.T, raw []byte) (report struct {
	OK     bool
	Checks []doctor.Check
}) {
	t.Helper()
	jobstest.Must(t, json.Unmarshal(raw, &report))
	return report
}

// dated serves the simulated cloud with another clock.
func dated(c *cloudtest.Cloud, at func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", at().UTC().Format(http.TimeFormat))
		c.ServeHTTP(w, r)
	})
}
