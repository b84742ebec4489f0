package doctor

import (
	"context"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

// redis checks the store, and with it the connections that are kept there.
func (d *doctor) redis(ctx context.Context) (checks, connections []Check) {
	const name = "redis"
	names := []string{queue.RedisVersion, queue.RedisPersistence, queue.RedisEviction}
	address := d.Settings.Redis.URL
	if address == "" {
		const why = "REDIS_URL is not understood"
		return skipped(why, append([]string{name}, names...)...), skipped(why, nameConnections)
	}
	rdb, err := boot.Redis(d.Settings.Redis)
	if err != nil {
		unusable := bad(name, "Correct REDIS_URL; see the options of a redis:// URL.", "%s", err)
		return append([]Check{unusable}, skipped(name+" failed", names...)...), skipped(name+" failed", nameConnections)
	}
	defer func() { _ = rdb.Close() }()
	bounded, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	findings, err := queue.InspectRedis(bounded, rdb)
	if err != nil {
		away := bad(name, fault.QueueUnavailable.Hint(), "%s: %s", address, reason(err))
		return append([]Check{away}, skipped(name+" failed", names...)...), skipped(name+" failed", nameConnections)
	}
	checks = []Check{good(name, "%s answers", address)}
	for _, f := range findings {
		checks = append(checks, fromFinding(f))
	}
	return checks, d.connections(ctx, rdb)
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
