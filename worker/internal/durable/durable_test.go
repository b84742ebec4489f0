//go:build linux || darwin

package durable_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatRedisCanConfirm(t *testing.T) {
	t.Parallel()
	const file, none = "\r\naof_enabled:1\r\n", "\r\naof_enabled:0\r\n"
	for _, tt := range []struct {
		info, fsync     string
		waits, confirms bool
	}{
		{"", "", false, false},
		{"redis_version:7.2.0" + file, "everysec", true, true},
		{"redis_version:7.2.0" + file, "", true, true}, // it does not tell
		{"redis_version:7.2.0" + file, "no", false, false},
		{"redis_version:7.0.15" + file, "everysec", false, false},
		{"redis_version:7.0.15" + file, "always", false, true},
		{"redis_version:8.0.2" + none, "always", false, false},
		{"redis_version:10.1" + file, "everysec", true, true},
	} {
		a := durable.Parse(tt.info)
		a.Fsync = tt.fsync
		if a.Waits() != tt.waits || a.Confirms() != tt.confirms {
			t.Errorf("%q with %q: waits %v, confirms %v", tt.info, tt.fsync, a.Waits(), a.Confirms())
		}
	}
}

func TestReplicasInStepAreCounted(t *testing.T) {
	t.Parallel()
	const online = "slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\n"
	for text, want := range map[string]int{
		"": 0, online: 1, online + strings.Replace(online, "slave0", "slave1", 1): 2,
		online + "slave1:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0\r\n": 1,
	} {
		if got := durable.Parse(text).Replicas; got != want {
			t.Errorf("%q: %d replicas, want %d", text, got, want)
		}
	}
}

func real(t *testing.T, settings ...string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(jobstest.RealRedis(t).URL)
	jobstest.Must(t, err)
	o.ContextTimeoutEnabled = true
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	for n := 0; n < len(settings); n += 2 {
		jobstest.Must(t, rdb.ConfigSet(t.Context(), settings[n], settings[n+1]).Err())
	}
	return rdb
}

func TestAProbeIsConfirmed(t *testing.T) {
	t.Parallel()
	rdb := real(t, "appendfsync", "everysec")
	jobstest.Must(t, durable.Probe(t.Context(), rdb))
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return rdb.DBSize(t.Context()).Val() == 0 })
	able, err := durable.Ask(t.Context(), rdb)
	jobstest.Must(t, err)
	if !able.Waits() || able.Fsync != "everysec" {
		t.Errorf("%+v", able)
	}
}

// secretive answers no CONFIG, as what somebody else manages.
type secretive struct{ redis.Hook }

func (secretive) DialHook(next redis.DialHook) redis.DialHook { return next }
func (secretive) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (secretive) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "config" {
			cmd.SetErr(errors.New("ERR unknown command 'config'"))
			return cmd.Err()
		}
		return next(ctx, cmd)
	}
}

// Where the setting cannot be asked for, what it does shows.
func TestAProbeFindsAFileThatIsNeverFsynced(t *testing.T) {
	t.Parallel()
	rdb := real(t, "appendfsync", "no")
	rdb.AddHook(secretive{})
	if err := durable.Probe(t.Context(), rdb); !errors.Is(err, durable.ErrNotConfirmed) {
		t.Errorf("err = %v, want ErrNotConfirmed", err)
	}
}
