package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// CheckRedis refuses a Redis older than 6.2, on which asynq cannot archive (it
// needs ZRANGE BYSCORE), and warns of settings under which acknowledged jobs can
// be lost. A server that keeps to itself what it is gets a warning.
func CheckRedis(ctx context.Context, rdb redis.UniversalClient) (warnings []string, err error) {
	text, err := rdb.Info(ctx).Result()
	if err != nil {
		return nil, fault.Wrap(fault.QueueUnavailable, err, "ask Redis what it is")
	}
	info := parseInfo(text)
	version, known := info["redis_version"]
	switch {
	case !known:
		warnings = append(warnings, "Redis does not tell its version; 6.2 or newer is needed")
	case older(version, 6, 2):
		return nil, fmt.Errorf("this is Redis %s; 6.2 or newer is needed", version)
	}
	return append(warnings, risks(info)...), nil
}

func risks(info map[string]string) (warnings []string) {
	if policy, known := info["maxmemory_policy"]; known && policy != "noeviction" {
		warnings = append(warnings, fmt.Sprintf("maxmemory-policy is %s: Redis may drop jobs and sponsorships when memory is short; set it to noeviction", policy))
	}
	if info["aof_enabled"] == "0" {
		warnings = append(warnings, "appendonly is off: if Redis crashes, everything since its last snapshot is lost; set appendonly yes")
	}
	if info["aof_last_write_status"] == "err" || info["rdb_last_bgsave_status"] == "err" {
		warnings = append(warnings, "Redis could not write to its disk the last time it tried")
	}
	return warnings
}

// parseInfo reads the "name:value" lines of INFO.
func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			info[name] = value
		}
	}
	return info
}

// older compares versions such as 7.0.15. One that is no number is taken for new.
func older(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	x, errX := strconv.Atoi(parts[0])
	y, errY := strconv.Atoi(parts[1])
	if errX != nil || errY != nil {
		return false
	}
	return x < major || (x == major && y < minor)
}
