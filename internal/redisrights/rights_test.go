//go:build linux || darwin

package redisrights_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/internal/redisrights"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMissing(t *testing.T) {
	t.Parallel()
	admin := redis.NewClient(jobstest.Value(redis.ParseURL(jobstest.RealRedis(t).URL))(t))
	t.Cleanup(func() { _ = admin.Close() })
	for name, c := range map[string]struct {
		rule string
		want []string
	}{
		"all":            {"allkeys allchannels +@all", nil},
		"just":           {redisrights.Rule(), nil},
		"no looks":       {redisrights.Rule() + " -info -config|get -memory|usage", nil},
		"no command":     {redisrights.Rule() + " -zadd -xread", []string{"+xread", "+zadd"}},
		"a prefix":       {redisrights.Rule() + " resetkeys ~sponsorsync:*", []string{"~asynq:*"}},
		"no channels":    {redisrights.Rule() + " resetchannels", []string{"&asynq:*"}},
		"read only":      {redisrights.Rule() + " resetkeys %R~sponsorsync:* ~asynq:*", []string{"~sponsorsync:*"}},
		"no transaction": {redisrights.Rule() + " -multi", []string{"+multi"}},
	} {
		t.Run(name, func(t *testing.T) {
			rule := append([]any{"acl", "setuser", "app", "reset", "on", "nopass"}, words(c.rule)...)
			jobstest.Must(t, admin.Do(t.Context(), rule...).Err())
			options := *admin.Options()
			options.Username, options.Password = "app", "x"
			rdb := redis.NewClient(&options)
			defer func() { _ = rdb.Close() }()
			conn := rdb.Conn()
			defer func() { _ = conn.Close() }()
			if got := jobstest.Value(redisrights.Missing(t.Context(), conn))(t); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			jobstest.Equal(t, "keys that were made", admin.DBSize(t.Context()).Val(), 0)
		})
	}
}

// The page is what admins copy.
func TestThePageHasTheRule(t *testing.T) {
	t.Parallel()
	page := jobstest.Value(os.ReadFile("../../REDIS.md"))(t)
	if !strings.Contains(string(page), "\n"+redisrights.Rule()+"\n") {
		t.Errorf("REDIS.md should hold the line\n%s", redisrights.Rule())
	}
}

func words(rule string) (all []any) {
	for word := range strings.FieldsSeq(rule) {
		all = append(all, word)
	}
	return all
}

func TestAStoreWithoutRights(t *testing.T) {
	t.Parallel()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	rdb := redis.NewClient(jobstest.Value(redis.ParseURL(stack.RedisURL()))(t))
	defer func() { _ = rdb.Close() }()
	conn := rdb.Conn()
	defer func() { _ = conn.Close() }()
	jobstest.Equal(t, "missing", len(jobstest.Value(redisrights.Missing(t.Context(), conn))(t)), 0)
}
