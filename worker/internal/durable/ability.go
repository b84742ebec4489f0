// Package durable asks a Redis whether what was written there survives its own
// crash: which of its promises it can confirm at all, and, on the connection that
// wrote, whether disk and replicas have it.
//
// It never writes anything but the key of a [Probe], and does not decide what
// follows where nothing can be confirmed.
package durable

import (
	"context"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/redisrights"
)

// Ability is what a Redis can confirm. The zero value, as of the embedded store, is
// nothing.
type Ability struct {
	Major, Minor int
	AOF          bool   // it keeps an append-only file
	Fsync        string // the setting appendfsync; "" where it is not told
	Replicas     int    // that are in step
}

// Waits reports whether it has WAITAOF, and that comes to an end.
func (a Ability) Waits() bool {
	return a.AOF && a.Fsync != "no" && (a.Major > 7 || a.Major == 7 && a.Minor >= 2)
}

// Confirms reports whether what is certain to be on disk can be known. With
// "always" each answer of Redis says so.
func (a Ability) Confirms() bool { return a.Waits() || a.AOF && a.Fsync == "always" }

// Info is who answers INFO and CONFIG.
type Info interface {
	Info(ctx context.Context, sections ...string) *redis.StringCmd
	ConfigGet(ctx context.Context, parameter string) *redis.MapStringStringCmd
}

// Ask asks one that may be managed by somebody who allows no CONFIG.
func Ask(ctx context.Context, rdb Info) (Ability, error) {
	text, err := rdb.Info(ctx).Result()
	if redisrights.Refused(err) {
		return Ability{}, nil // what cannot be seen cannot be relied on
	}
	if err != nil {
		return Ability{}, err
	}
	a := Parse(text)
	if a.AOF {
		setting, _ := rdb.ConfigGet(ctx, "appendfsync").Result()
		a.Fsync = setting["appendfsync"]
	}
	return a, nil
}

// Parse reads an answer to INFO, which does not tell Fsync.
func Parse(text string) Ability {
	var a Ability
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "redis_version":
			version := strings.SplitN(value, ".", 3)
			a.Major, _ = strconv.Atoi(version[0])
			if len(version) > 1 {
				a.Minor, _ = strconv.Atoi(version[1])
			}
		case name == "aof_enabled":
			a.AOF = value == "1"
		case strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online"):
			a.Replicas++
		}
	}
	return a
}
