package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// The checks that read what Redis says of itself.
const (
	nameVersion     = "redis version"
	namePersistence = "redis persistence"
	nameEviction    = "redis eviction"
)

// redis checks the store, and with it the connections that are kept there.
func (d *doctor) redis(ctx context.Context) (checks, connections []Check) {
	const name = "redis"
	names := []string{nameVersion, namePersistence, nameEviction}
	address := d.Settings.Redis.URL
	if address == "" {
		const why = "REDIS_URL is not understood"
		return skipped(why, append([]string{name}, names...)...), skipped(why, nameConnections)
	}
	options, err := redis.ParseURL(address.Reveal())
	if err != nil { // its text may quote the URL
		unusable := bad(name, "Correct REDIS_URL; see the options of a redis:// URL.", "the client cannot use this URL")
		return append([]Check{unusable}, skipped(name+" failed", names...)...), skipped(name+" failed", nameConnections)
	}
	options.ContextTimeoutEnabled, options.MaxRetries, options.DialTimeout = true, -1, patience
	rdb := redis.NewClient(options)
	defer func() { _ = rdb.Close() }()
	info, err := askRedis(ctx, rdb)
	if err != nil {
		away := bad(name, fault.QueueUnavailable.Hint(), "%s: %s", address, reason(err))
		return append([]Check{away}, skipped(name+" failed", names...)...), skipped(name+" failed", nameConnections)
	}
	checks = []Check{good(name, "%s answers", address), redisVersion(info), redisPersistence(info), redisEviction(info)}
	return checks, d.connections(ctx, rdb)
}

// askRedis returns what INFO says: CONFIG, which would say it too, is often
// forbidden.
func askRedis(ctx context.Context, rdb *redis.Client) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, err := rdb.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	info := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		if key, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			info[key] = value
		}
	}
	return info, nil
}

// redisVersion: the queue and the ledger's scripts need 6.2.
func redisVersion(info map[string]string) Check {
	const hint = "Use Redis 6.2 or newer."
	version := info["redis_version"]
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return doubtful(nameVersion, hint, "the server does not say; at least 6.2 is needed")
	}
	if major < 6 || major == 6 && minor < 2 {
		return bad(nameVersion, hint, "%s is too old", version)
	}
	return good(nameVersion, "%s", version)
}

func redisPersistence(info map[string]string) Check {
	const hint = "Set 'appendonly yes' in redis.conf, or what was accepted since the last snapshot is lost when Redis crashes."
	switch info["aof_enabled"] {
	case "1":
		return good(namePersistence, "the append-only file is on")
	case "0":
		return doubtful(namePersistence, hint, "the append-only file is off")
	}
	return doubtful(namePersistence, hint, "the server does not say whether it keeps an append-only file")
}

func redisEviction(info map[string]string) Check {
	const hint = "Set 'maxmemory-policy noeviction' in redis.conf, or Redis throws jobs and sponsorships away when memory runs short."
	switch policy := info["maxmemory_policy"]; policy {
	case "noeviction":
		return good(nameEviction, "maxmemory-policy is noeviction")
	case "":
		return doubtful(nameEviction, hint, "the server does not say its maxmemory-policy")
	default:
		return bad(nameEviction, hint, "maxmemory-policy is %s", policy)
	}
}
