// Package redisrights is what a user of Redis must be allowed for our programs to work,
// as a rule for its ACL, and asks a Redis what of it is missing.
//
// It asks without doing: what is queued between MULTI and DISCARD is judged and
// never run. It needs no right to look at ACLs, which such a user should not have.
package redisrights

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// calls is what our programs and asynq ask of Redis, scripts included, each with
// arguments that would do; K is a key.
const calls = `
blmove K K LEFT LEFT 1
decrby K 1
del K
eval return 1 K
evalsha 0000000000000000000000000000000000000000 1 K
exists K
expire K 1
expireat K 1
get K
hdel K f
hexists K f
hget K f
hgetall K
hincrby K f 1
hlen K
hmget K f
hscan K 0
hset K f v
hsetnx K f v
hvals K
incr K
incrby K 1
lindex K 0
llen K
lmove K K LEFT LEFT
lpop K
lpos K v
lpush K v
lrange K 0 1
lrem K 1 v
mget K
persist K
pexpire K 1
pttl K
rename K K
rpoplpush K K
rpush K v
sadd K m
scard K
set K v
setex K 1 v
setnx K v
sismember K m
smembers K
srem K m
ttl K
type K
unlink K
xadd K * f v
xdel K 0-1
xlen K
xrange K - +
xread STREAMS K 0
xtrim K MAXLEN 1
zadd K 1 m
zcard K
zcount K 0 1
zrange K 0 1
zrangebylex K - +
zrangebyscore K 0 1
zrem K m
zremrangebyrank K 0 1
zremrangebyscore K 0 1
zrevrange K 0 1
zscore K m
publish asynq:cancel m
subscribe asynq:cancel
scan 0
time
wait 0 1
waitaof 0 0 1
`

// Some rights are only for looking: what cannot be seen is taken for the worse, and
// nothing fails. The others are of every connection, and of the question itself.
const (
	looks  = "info config|get memory|usage cluster|slots cluster|shards cluster|nodes"
	always = "ping hello auth select client|setinfo readonly multi exec discard"
)

// patterns are the names that are used of keys; their channels are asynq's own.
var patterns = []string{"sponsorsync:", "asynq:"}

// Rule is what stands behind the password in ACL SETUSER or a line "user" of redis.conf.
func Rule() string {
	var names []string
	for call := range strings.Lines(strings.TrimSpace(calls)) {
		name, _, _ := strings.Cut(strings.TrimSpace(call), " ")
		names = append(names, name)
	}
	names = append(names, strings.Fields(looks+" "+always)...)
	slices.Sort(names)
	return "resetchannels ~" + strings.Join(patterns, "* ~") + "* &asynq:* -@all +" + strings.Join(names, " +")
}

// Missing returns, in words of a rule, what the user of this connection may not; nothing
// where a Redis knows no ACL. An error means that Redis did not answer.
func Missing(ctx context.Context, conn *redis.Conn) ([]string, error) {
	switch begun := conn.Do(ctx, "multi").Err(); { // alone: without it, what follows would be done
	case Refused(begun):
		return []string{"+multi"}, nil
	case begun != nil:
		return nil, fmt.Errorf("ask Redis for the rights of this user: %w", begun)
	}
	pipe := conn.Pipeline()
	asked := ask(ctx, pipe)
	pipe.Do(ctx, "discard")
	_, err := pipe.Exec(ctx)
	var answered redis.Error
	if err != nil && !errors.As(err, &answered) {
		return nil, fmt.Errorf("ask Redis for the rights of this user: %w", err)
	}
	var missing []string
	for _, q := range asked {
		if Refused(q.cmd.Err()) {
			missing = append(missing, lack(q))
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing), nil
}

// question is one call about one pattern of keys.
type question struct {
	cmd     *redis.Cmd
	pattern string
}

func ask(ctx context.Context, pipe redis.Pipeliner) (asked []question) {
	for call := range strings.Lines(strings.TrimSpace(calls)) {
		for _, pattern := range patterns {
			var args []any
			for word := range strings.FieldsSeq(call) {
				if word == "K" {
					word = pattern + "{probe}"
				}
				args = append(args, word)
			}
			asked = append(asked, question{pipe.Do(ctx, evalArgs(args)...), pattern})
		}
	}
	return asked
}

// evalArgs is EVAL's, whose script has blanks.
func evalArgs(args []any) []any {
	if args[0] == "eval" {
		return []any{"eval", "return 1", 1, args[len(args)-1]}
	}
	return args
}

// Refused reports whether Redis knows what was asked and does not tell this user.
func Refused(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "NOPERM") }

// lack reads what Redis says of a refusal: of the command, of the key, of the channel.
func lack(q question) string {
	switch text := q.cmd.Err().Error(); {
	case strings.Contains(text, "channel"):
		return "&asynq:*"
	case strings.Contains(text, "key"):
		return "~" + q.pattern + "*"
	}
	return "+" + q.cmd.Name()
}
