package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/internal/redisnode"
	"github.com/sponsorsync/sponsorsync/internal/redisrights"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/durable"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

// keptNames are the checks of what is kept in the store.
func keptNames() []string {
	return slices.Concat([]string{nameOutbox, nameEnded, nameWorkers}, whole(), []string{nameConnections})
}

// redis checks the store, and with it what is kept there: connections, and who works.
func (d *doctor) redis(ctx context.Context) (checks, kept []Check) {
	const name = "redis"
	names := []string{queue.RedisVersion, queue.RedisPersistence, queue.RedisDurability, queue.RedisEviction, queue.RedisRole, nameRights}
	address := d.Settings.Redis.URL
	if address == "" {
		const why = "REDIS_URL is not understood"
		return skipped(why, append([]string{name}, names...)...), skipped(why, keptNames()...)
	}
	rdb, err := boot.Redis(d.Settings.Redis)
	if err != nil {
		unusable := bad(name, "Correct REDIS_URL; see the options of a redis:// URL.", "%s", err)
		return append([]Check{unusable}, skipped(name+" failed", names...)...), skipped(name+" failed", keptNames()...)
	}
	defer func() { _ = rdb.Close() }()
	bounded, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	findings, err := queue.InspectRedis(bounded, rdb)
	if err != nil {
		away := bad(name, fault.QueueUnavailable.Hint(), "%s: %s", address, reason(err))
		return append([]Check{away}, skipped(name+" failed", names...)...), skipped(name+" failed", keptNames()...)
	}
	checks = []Check{good(name, "%s answers", address)}
	for _, f := range findings {
		c := fromFinding(f)
		if c.Name == queue.RedisDurability && c.Status == OK {
			c = probed(ctx, c, rdb)
		}
		checks = append(checks, c)
	}
	checks = append(checks, rights(bounded, rdb))
	return checks, slices.Concat(d.bounds(ctx, rdb), d.workers(ctx, rdb), d.running(ctx, rdb), d.connections(ctx, rdb))
}

const nameRights = "redis rights"

// rights asks for all that our programs ask for, and has none of it done.
func rights(ctx context.Context, rdb redis.UniversalClient) Check {
	var missing []string
	err := redisnode.Each(ctx, rdb, func(ctx context.Context, one redis.UniversalClient) error {
		node, is := one.(*redis.Client)
		if !is {
			return nil
		}
		conn := node.Conn()
		defer func() { _ = conn.Close() }()
		lacks, err := redisrights.Missing(ctx, conn)
		missing = append(missing, lacks...)
		return err
	})
	slices.Sort(missing)
	missing = slices.Compact(missing)
	switch {
	case err != nil:
		return bad(nameRights, "", "%s", reason(err))
	case len(missing) > 0:
		return bad(nameRights, "Add it in Redis with ACL SETUSER, behind the user's name, or take the whole rule from REDIS.md.",
			"this user lacks %s", strings.Join(missing, " "))
	}
	return good(nameRights, "all that is used is allowed")
}

// probed has the store confirm what its settings promise. It is the one thing that
// a check writes, and it expires at once.
func probed(ctx context.Context, promised Check, rdb redis.UniversalClient) Check {
	if err := durable.Probe(ctx, rdb); err != nil {
		return doubtful(promised.Name,
			"Set 'appendfsync everysec' in redis.conf, and look at the disk and the replicas of Redis: while it confirms nothing, nothing is sent to the cloud.",
			"a write was not confirmed: %s", reason(err))
	}
	return promised
}

// fromFinding turns what the worker's own start check finds into a check.
func fromFinding(f queue.Finding) Check {
	status := Fail
	switch f.Severity {
	case queue.Fine:
		status = OK
	case queue.Doubtful:
		status = Warn
	}
	return Check{Name: f.Name, Status: status, Detail: f.Detail, Hint: f.Hint}
}
