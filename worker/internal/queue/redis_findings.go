package queue

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/redisrights"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/durable"
)

// Severity is how much a [Finding] matters.
type Severity int

// The severities. A worker starts on all of them but the last.
const (
	Fine     Severity = iota
	Doubtful          // it may be right, or costs something only when Redis crashes
	Wrong             // jobs and sponsorships will be lost one day
	Unusable          // the queue does not work on it
)

// Finding is one property of a Redis that the queue and the ledger depend on.
type Finding struct {
	Name     string // unique among the findings, stable between releases
	Severity Severity
	Detail   string // what was found
	Hint     string // what to do; empty if nothing
}

// The names of the findings, in the order of [InspectRedis].
const (
	RedisVersion     = "redis version"
	RedisPersistence = "redis persistence"
	RedisDurability  = "redis durability"
	RedisEviction    = "redis eviction"
	RedisRole        = "redis role"
)

// InspectRedis says what a Redis is like: one finding per name. It reads INFO, and
// asks for no more than one setting, since CONFIG is often forbidden. The error is
// Redis' own, when it does not answer.
func InspectRedis(ctx context.Context, rdb redis.UniversalClient) ([]Finding, error) {
	text, err := rdb.Info(ctx).Result()
	if redisrights.Refused(err) {
		return unseen(), nil
	}
	if err != nil {
		return nil, err
	}
	info := state.ParseInfo(text)
	able, err := durable.Ask(ctx, rdb)
	if err != nil {
		return nil, err
	}
	return []Finding{version(info), persistence(info), durability(able), eviction(info), role(info)}, nil
}

// unseen claims nothing of a Redis that tells this user nothing.
func unseen() (all []Finding) {
	for _, name := range []string{RedisVersion, RedisPersistence, RedisDurability, RedisEviction, RedisRole} {
		all = append(all, Finding{Name: name, Severity: Doubtful, Detail: "cannot be seen: this user may not ask (INFO)",
			Hint: "Allow it +info, or see to it there: 7.2 or newer, appendonly yes, maxmemory-policy noeviction, no replica."})
	}
	return all
}

// role: a replica takes no writes.
func role(info map[string]string) Finding {
	switch f := (Finding{Name: RedisRole, Detail: "a primary"}); info["role"] {
	case "slave":
		f.Severity, f.Detail = Wrong, "a replica, which takes no writes: no job is taken or run"
		f.Hint = "Let REDIS_URL name the primary, or the Sentinels that know it (redis-sentinel://)."
		return f
	case "":
		f.Detail = "the server does not say"
		return f
	default:
		return withReplicas(f, info)
	}
}

// withReplicas: a mark is confirmed by the replicas that are in step at the time. With none, a
// fail-over forgets what has left meanwhile, unless Redis takes no writes then. It tells of
// min_slaves_good_slaves only where min-replicas-to-write is set.
func withReplicas(f Finding, info map[string]string) Finding {
	n := info["connected_slaves"]
	if n == "" || n == "0" {
		return f
	}
	f.Detail = "a primary with " + n + " connected replicas"
	if _, set := info["min_slaves_good_slaves"]; !set {
		f.Severity, f.Detail = Doubtful, f.Detail+", which goes on without them"
		f.Hint = "Set 'min-replicas-to-write 1' in redis.conf, on the replicas too: else a fail-over forgets what left while none was in step, and the cloud mails it again."
	}
	return f
}

// RunID is the name that a Redis gives itself each time it starts; "" where it has
// none, or does not tell.
func RunID(ctx context.Context, conn interface {
	Info(ctx context.Context, sections ...string) *redis.StringCmd
}) (string, error) {
	text, err := conn.Info(ctx, "server").Result()
	if _, refused := errors.AsType[redis.Error](err); refused {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return state.ParseInfo(text)["run_id"], nil
}

// CheckRedis refuses a Redis on which the queue does not work, and warns of
// settings under which acknowledged jobs can be lost.
func CheckRedis(ctx context.Context, rdb redis.UniversalClient) (warnings []string, err error) {
	findings, err := InspectRedis(ctx, rdb)
	if err != nil {
		return nil, fault.Wrap(fault.QueueUnavailable, err, "ask Redis what it is")
	}
	for _, f := range findings {
		text := f.Name + ": " + f.Detail + "; " + f.Hint
		switch f.Severity {
		case Fine:
		case Unusable:
			return nil, errors.New(text)
		default:
			warnings = append(warnings, text)
		}
	}
	return warnings, nil
}

// version: asynq archives with ZRANGE BYSCORE, which came with 6.2.
func version(info map[string]string) Finding {
	f := Finding{Name: RedisVersion, Detail: info["redis_version"], Hint: "Use Redis 6.2 or newer."}
	major, minor, known := majorMinor(info["redis_version"])
	switch {
	case !known:
		f.Severity, f.Detail = Doubtful, "the server does not say; at least 6.2 is needed"
	case major < 6 || major == 6 && minor < 2:
		f.Severity, f.Detail = Unusable, f.Detail+" is too old"
	default:
		f.Hint = ""
	}
	return f
}

func persistence(info map[string]string) Finding {
	const hint = "Set 'appendonly yes' in redis.conf, or what was accepted since the last snapshot is lost when Redis crashes."
	f := Finding{Name: RedisPersistence, Severity: Doubtful, Hint: hint}
	switch {
	case info["aof_last_write_status"] == "err" || info["rdb_last_bgsave_status"] == "err":
		f.Detail, f.Hint = "Redis could not write to its disk the last time it tried", "Look at the disk and at the log of Redis."
	case info["aof_enabled"] == "1":
		return Finding{Name: RedisPersistence, Detail: "the append-only file is on"}
	case info["aof_enabled"] == "0":
		f.Detail = "the append-only file is off"
	default:
		f.Detail = "the server does not say whether it keeps an append-only file"
	}
	return f
}

// durability: a request leaves once what is known of it is certain to be on disk.
func durability(able durable.Ability) Finding {
	const without = " Until then, each time Redis comes back, new sponsorships wait for a worker that was killed meanwhile."
	f := Finding{Name: RedisDurability, Severity: Doubtful}
	switch {
	case able.Waits():
		return Finding{Name: f.Name, Detail: "what leaves is on disk before (WAITAOF)"}
	case able.Confirms():
		return Finding{Name: f.Name, Detail: "what leaves is on disk before (appendfsync always)"}
	case !able.AOF:
		f.Detail = "without an append-only file Redis never confirms that a write survives its crash"
		f.Hint = "Set 'appendonly yes' in redis.conf, and use Redis 7.2 or newer." + without
	case able.Fsync == "no":
		f.Detail = "appendfsync is no: Redis never confirms that a write is on disk"
		f.Hint = "Set 'appendfsync everysec' in redis.conf, and use Redis 7.2 or newer." + without
	default:
		f.Detail = "this Redis cannot confirm that a write is on disk (WAITAOF)"
		f.Hint = "Use Redis 7.2 or newer, or set 'appendfsync always' in redis.conf." + without
	}
	return f
}

func eviction(info map[string]string) Finding {
	const hint = "Set 'maxmemory-policy noeviction' in redis.conf, or Redis throws jobs and sponsorships away when memory runs short."
	f := Finding{Name: RedisEviction, Detail: "maxmemory-policy is " + info["maxmemory_policy"]}
	switch info["maxmemory_policy"] {
	case "noeviction":
		return f
	case "":
		f.Severity, f.Detail = Doubtful, "the server does not say its maxmemory-policy"
	default:
		f.Severity = Wrong
	}
	f.Hint = hint
	return f
}

// majorMinor reads the first two numbers of a version such as 7.0.15.
func majorMinor(version string) (major, minor int, known bool) {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, errMajor := strconv.Atoi(first)
	minor, errMinor := strconv.Atoi(second)
	return major, minor, errMajor == nil && errMinor == nil
}
