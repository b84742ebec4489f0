package enqueue

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// neverExpired is later than the date of a lease that was given up, and earlier than any other.
	neverExpired = 1
	// listedFor is how long the name of an asynq server that was killed stays in the
	// list. What it says of itself is gone long before.
	listedFor = 7 * 24 * time.Hour
)

// Clockless is Redis as asynq must see it beside workers with other clocks. asynq dates
// leases and servers by the clock of the machine that it runs on, and takes those
// of others for expired by its own: a worker two minutes ahead would run anew what others
// run, and see no other server. Through Clockless it takes for expired only
// leases that were given up (dated 0), and servers that have been silent for a week.
func Clockless(rdb redis.UniversalClient) redis.UniversalClient { return clockless{rdb} }

type clockless struct{ redis.UniversalClient }

// EvalSha implements redis.Scripter.
func (c clockless) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return c.UniversalClient.EvalSha(ctx, sha, keys, redate(keys, args)...)
}

// Eval implements redis.Scripter.
func (c clockless) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return c.UniversalClient.Eval(ctx, script, keys, redate(keys, args)...)
}

// redate replaces the date in the arguments of those scripts whose only key is a
// list of dates: of leases, of servers, of what servers run (asynq 0.26).
func redate(keys []string, args []any) []any {
	if len(keys) != 1 || len(args) == 0 {
		return args
	}
	seconds, isDate := args[0].(int64)
	switch {
	case !isDate:
		return args
	case strings.HasPrefix(keys[0], "asynq:{") && strings.HasSuffix(keys[0], "}:lease"):
		return append([]any{neverExpired}, args[1:]...)
	case keys[0] == "asynq:servers", keys[0] == "asynq:workers":
		return append([]any{strconv.FormatInt(seconds-int64(listedFor.Seconds()), 10)}, args[1:]...)
	}
	return args
}
