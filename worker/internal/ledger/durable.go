package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// durableWithin is how long Redis may take to put on disk, and its replicas to
// receive, what a request needs.
const durableWithin = 5 * time.Second

// durableTries is how often a connection that breaks is replaced: Redis may have
// been restarted since the pool last used it.
const durableTries = 3

// ErrNotDurable says that Redis did not confirm in time that what was written
// survives its own crash; whatever rests on that must not be done.
var ErrNotDurable = errors.New("redis did not confirm within 5s that what was written is on disk and with its replicas")

// durably writes over one connection and returns when what was written there
// survives a crash of Redis, as far as that Redis can say so. write may run more
// than once.
func (l *Ledger) durably(ctx context.Context, org sponsorship.ID, write func(redis.Scripter) error) (err error) {
	for range durableTries {
		var conn *redis.Conn
		if conn, err = l.conn(ctx, org); err != nil {
			return err
		}
		if conn == nil { // a client that cannot say where it writes
			return write(l.rdb)
		}
		if err = write(conn); err == nil {
			err = confirm(ctx, conn)
		}
		_ = conn.Close() // back into the pool
		if !broken(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// conn takes one connection to where the organization's keys are: only the one
// that wrote can ask whether that is durable.
func (l *Ledger) conn(ctx context.Context, org sponsorship.ID) (*redis.Conn, error) {
	switch c := l.rdb.(type) {
	case *redis.Client:
		return c.Conn(), nil
	case *redis.ClusterClient:
		master, err := c.MasterForKey(ctx, state.Key(org, ""))
		if err != nil {
			return nil, fmt.Errorf("find the Redis that holds %s: %w", org, err)
		}
		return master.Conn(), nil
	}
	return nil, nil
}

// broken tells an error of the connection from one that Redis answered.
func broken(err error) bool {
	var answered redis.Error
	return err != nil && !errors.As(err, &answered) && !errors.Is(err, ErrLeaseLost) && !errors.Is(err, ErrNotDurable)
}

// confirm waits for disk and replicas. WAIT and WAITAOF are about what this very
// connection wrote, and do not wait inside a script.
func confirm(parent context.Context, conn *redis.Conn) error {
	ctx, cancel := context.WithTimeout(parent, durableWithin+time.Second)
	defer cancel()
	able, err := ask(ctx, conn)
	if err != nil {
		return fmt.Errorf("ask Redis what it can confirm: %w", err)
	}
	if able.fsync() {
		if err := onDisk(ctx, conn); err != nil {
			return err
		}
	}
	if able.replicas == 0 {
		return nil
	}
	n, err := conn.Wait(ctx, able.replicas, durableWithin).Result()
	switch {
	case err != nil:
		return fmt.Errorf("wait for the replicas of Redis: %w", err)
	case n < int64(able.replicas):
		return ErrNotDurable
	}
	return nil
}

// onDisk waits in slices: the client takes a longer silence for a dead connection.
func onDisk(ctx context.Context, conn *redis.Conn) error {
	for range durableWithin / time.Second {
		reply, err := conn.Do(ctx, "WAITAOF", 1, 0, time.Second.Milliseconds()).Int64Slice()
		if err != nil {
			return fmt.Errorf("wait for the disk of Redis: %w", err)
		}
		if len(reply) == 2 && reply[0] >= 1 {
			return nil
		}
	}
	return ErrNotDurable
}

// ability is what a Redis can confirm. The embedded store can nothing.
type ability struct {
	major, minor int
	aof          bool // an append-only file
	never        bool // it is left to the system when that reaches the disk
	replicas     int  // that are in step
}

// fsync reports whether WAITAOF exists and ends.
func (a ability) fsync() bool {
	return a.aof && !a.never && (a.major > 7 || a.major == 7 && a.minor >= 2)
}

// ask asks one that may be managed by somebody who allows no CONFIG.
func ask(ctx context.Context, conn *redis.Conn) (ability, error) {
	text, err := conn.Info(ctx).Result()
	if err != nil {
		return ability{}, err
	}
	a := parseInfo(text)
	if a.fsync() {
		setting, _ := conn.ConfigGet(ctx, "appendfsync").Result()
		a.never = setting["appendfsync"] == "no"
	}
	return a, nil
}

func parseInfo(text string) ability {
	var a ability
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "redis_version":
			version := strings.SplitN(value, ".", 3)
			a.major, _ = strconv.Atoi(version[0])
			if len(version) > 1 {
				a.minor, _ = strconv.Atoi(version[1])
			}
		case name == "aof_enabled":
			a.aof = value == "1"
		case strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online"):
			a.replicas++
		}
	}
	return a
}
