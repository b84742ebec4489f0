package redisurl_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/redisurl"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url, hosts, master, user string
		kind                     redisurl.Kind
		db, pool                 int
		encrypted                bool
	}{
		{url: "redis://h", db: 0},
		{url: "rediss://ann:secret@h:1/3?pool_size=7", user: "ann", db: 3, pool: 7, encrypted: true},
		{url: "unix:///run/redis.sock?db=2", db: 2},
		{url: "redis-sentinel://a:1,b,[::1]:2/main", kind: redisurl.Sentinel, hosts: "a:1 b:26379 [::1]:2", master: "main"},
		{url: "redis-sentinel://ann:p%2Fq@a/main/?db=4&pool_size=9", kind: redisurl.Sentinel, hosts: "a:26379", master: "main", user: "ann", db: 4, pool: 9},
		{url: "rediss-sentinel://a/main", kind: redisurl.Sentinel, hosts: "a:26379", master: "main", encrypted: true},
		{url: "redis-cluster://ann:s@a:7000, b", kind: redisurl.Cluster, hosts: "a:7000 b:6379", user: "ann"},
		{url: "rediss-cluster://[fe80::1]", kind: redisurl.Cluster, hosts: "[fe80::1]:6379", encrypted: true},
	}
	for _, tt := range tests {
		a, err := redisurl.Parse(tt.url)
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		o := a.Options
		if a.Kind != tt.kind || strings.Join(a.Hosts, " ") != tt.hosts || a.Master != tt.master || o.Username != tt.user || o.DB != tt.db ||
			o.PoolSize != tt.pool || a.Encrypted(nil) != tt.encrypted {
			t.Errorf("%s: got %+v, %+v", tt.url, a, o)
		}
	}
}

func TestWhatCannotBeReadIsNamedAndShowsNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"hunter2":                                 "no redis:// in front",
		"http://hunter2":                          "want redis://",
		"redis://:hunter2@h/x":                    "want redis://",
		"redis://":                                "want redis://",
		"redis://h?poolsize=hunter2":              "parameter that go-redis does not know (poolsize)",
		"redis://user:12?hunter2@h":               "want redis://",
		"redis-sentinel://u:hunter2@a:1,b:2":      "name that the Sentinels have",
		"redis-sentinel://a/m/hunter2":            "name that the Sentinels have",
		"redis-sentinel://a:hunter2/m":            "want redis://",
		"redis-sentinel://a::1/m":                 "want redis://",
		"redis-sentinel://a,,b/m":                 "want redis://",
		"redis-cluster://a/0":                     "only one database",
		"redis-cluster://a?db=1":                  "only one;",
		"redis-cluster://a?sentinel_password=hun": "parameter",
	}
	for url, says := range tests {
		_, err := redisurl.Parse(url)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %q", url, err, says)
		}
	}
}

func TestSentinelsHaveAPasswordOfTheirOwn(t *testing.T) {
	t.Parallel()
	a, err := redisurl.Parse("redis-sentinel://u:p@a/m?sentinel_username=s&sentinel_password=hunter2&dial_timeout=1s")
	if err != nil {
		t.Fatal(err)
	}
	o := a.Several().Failover()
	if o.SentinelUsername != "s" || o.SentinelPassword != "hunter2" || o.Username != "u" || o.Password != "p" || o.MasterName != "m" || !slices.Equal(o.SentinelAddrs, []string{"a:26379"}) {
		t.Errorf("got %+v", o)
	}
}

// A client must expect the name that it dials, of each of several servers.
func TestWhoIsExpectedAtTheOtherEnd(t *testing.T) {
	t.Parallel()
	own := &tls.Config{MinVersion: tls.VersionTLS13}
	for url, name := range map[string]string{"rediss://h": "h", "rediss-sentinel://a,b/m": "", "redis-sentinel://a,b/m": "", "rediss-cluster://a": ""} {
		a, err := redisurl.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		if c := a.Encryption(own); c == nil || c.ServerName != name || c.MinVersion != tls.VersionTLS13 {
			t.Errorf("%s: got %+v", url, c)
		}
	}
	if a, _ := redisurl.Parse("redis://h"); a.Encryption(own) != nil || a.Encrypted(own) {
		t.Error("redis:// is encrypted though its URL says that it is not")
	}
}
