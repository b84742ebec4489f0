package queue_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

func TestCheckRedis(t *testing.T) {
	t.Parallel()
	const good = "# Server\r\nredis_version:7.2.4\r\n# Memory\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\naof_last_write_status:ok\r\n"
	tests := map[string]struct {
		info     string
		warnings []string
		refused  bool
	}{
		"as it should be": {good, nil, false},
		"just new enough": {strings.Replace(good, "7.2.4", "6.2.0", 1), []string{"durability"}, false},
		"cannot confirm":  {strings.Replace(good, "7.2.4", "7.0.15", 1), []string{"redis durability: this Redis cannot confirm"}, false},
		"never on disk":   {good + "appendfsync no", []string{"redis durability: appendfsync is no"}, false},
		"always on disk":  {strings.Replace(good, "7.2.4", "7.0.15", 1) + "appendfsync always", nil, false},
		"too old":         {"redis_version:6.0.16\r\n", nil, true},
		"much too old":    {"redis_version:5.0\r\n", nil, true},
		"two digits":      {strings.Replace(good, "7.2.4", "10.1.0", 1), nil, false},
		"odd version":     {strings.Replace(good, "7.2.4", "unstable", 1), []string{"version", "durability"}, false},
		"no section":      {strings.ReplaceAll(good, "#", ""), nil, false},
		"says nothing":    {"# Clients\r\n", []string{"version", "append-only", "durability", "maxmemory-policy"}, false},
		"evicts":          {strings.Replace(good, "noeviction", "allkeys-lru", 1), []string{"maxmemory-policy is allkeys-lru"}, false},
		"keeps nothing":   {strings.Replace(good, "aof_enabled:1", "aof_enabled:0", 1), []string{"append-only file is off", "durability"}, false},
		"a replica":       {good + "role:slave\r\n", []string{"redis role: a replica, which takes no writes"}, false},
		"forgetful":       {good + "role:master\r\nconnected_slaves:2\r\n", []string{"with 2 connected replicas, which goes on without them; Set 'min-replicas-to-write 1'"}, false},
		"waits for them":  {good + "role:master\r\nconnected_slaves:2\r\nmin_slaves_good_slaves:2\r\n", nil, false},
		"alone":           {good + "role:master\r\nconnected_slaves:0\r\n", nil, false},
		"a primary":       {good + "role:master\r\n", nil, false},
		"disk is full":    {strings.Replace(good, "status:ok", "status:err", 1), []string{"disk"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			warnings, err := queue.CheckRedis(t.Context(), redisThatSays(t, tt.info))
			if (err != nil) != tt.refused {
				t.Errorf("error %v", err)
			}
			if len(warnings) != len(tt.warnings) {
				t.Fatalf("warnings %q, want %q", warnings, tt.warnings)
			}
			for i, want := range tt.warnings {
				if !strings.Contains(warnings[i], want) {
					t.Errorf("warning %q lacks %q", warnings[i], want)
				}
			}
		})
	}
}

// redisThatSays answers INFO, and CONFIG GET with what stands behind its last line.
func redisThatSays(t *testing.T, info string) redis.UniversalClient {
	t.Helper()
	_, setting, told := strings.Cut(info, "appendfsync ")
	srv, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	if err := srv.Register("INFO", func(c *server.Peer, _ string, _ []string) { c.WriteBulk(info) }); err != nil {
		t.Fatal(err)
	}
	if err := srv.Register("CONFIG", func(c *server.Peer, _ string, _ []string) {
		if !told {
			c.WriteError("NOPERM this user has no permissions to run the 'config|get' command")
			return
		}
		c.WriteStrings([]string{"appendfsync", setting})
	}); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: srv.Addr().String(), Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func TestARedisThatTellsThisUserNothing(t *testing.T) {
	t.Parallel()
	srv := jobstest.Value(server.NewServer("127.0.0.1:0"))(t)
	t.Cleanup(srv.Close)
	jobstest.Must(t, srv.Register("INFO", func(c *server.Peer, _ string, _ []string) {
		c.WriteError("NOPERM this user has no permissions to run the 'info' command")
	}))
	rdb := redis.NewClient(&redis.Options{Addr: srv.Addr().String(), Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { _ = rdb.Close() })
	for _, f := range jobstest.Value(queue.InspectRedis(t.Context(), rdb))(t) {
		if f.Severity != queue.Doubtful || !strings.Contains(f.Detail, "cannot be seen") {
			t.Errorf("%s is said to be %q", f.Name, f.Detail)
		}
	}
}
