package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/redisnode"
)

// Within is how long Redis may take to put on disk, and its replicas to receive,
// what a request needs.
const Within = 5 * time.Second

// ErrNotConfirmed says that Redis did not confirm in time that what was written
// survives its own crash; whatever rests on that must not be done.
var ErrNotConfirmed = errors.New("redis did not confirm within 5s that what was written is on disk and with its replicas")

// Confirm waits for disk and replicas, as far as that Redis can tell of them. WAIT
// and WAITAOF are about what this very connection wrote, and do not wait inside a
// script.
func Confirm(parent context.Context, conn *redis.Conn) error {
	ctx, cancel := context.WithTimeout(parent, Within+time.Second)
	defer cancel()
	able, err := Ask(ctx, conn)
	if err != nil {
		return fmt.Errorf("ask Redis what it can confirm: %w", err)
	}
	if able.Waits() {
		if err := onDisk(ctx, conn); err != nil {
			return err
		}
	}
	if able.Replicas == 0 {
		return nil
	}
	n, err := conn.Wait(ctx, able.Replicas, Within).Result()
	switch {
	case err != nil:
		return fmt.Errorf("wait for the replicas of Redis: %w", err)
	case n < int64(able.Replicas):
		return ErrNotConfirmed
	}
	return nil
}

// onDisk waits in slices: the client takes a longer silence for a dead connection.
func onDisk(ctx context.Context, conn *redis.Conn) error {
	for range Within / time.Second {
		reply, err := conn.Do(ctx, "WAITAOF", 1, 0, time.Second.Milliseconds()).Int64Slice()
		if err != nil {
			return fmt.Errorf("wait for the disk of Redis: %w", err)
		}
		if len(reply) == 2 && reply[0] >= 1 {
			return nil
		}
	}
	return ErrNotConfirmed
}

// probeKey is gone a second after the probe.
const probeKey = "sponsorsync:probe"

// Probe writes something that soon expires, and returns an error where that is not
// confirmed: settings do not tell everything, and may be kept secret.
func Probe(ctx context.Context, rdb redis.UniversalClient) error {
	holder, err := redisnode.Holding(ctx, rdb, probeKey)
	if err != nil || holder == nil {
		return err
	}
	conn := holder.Conn()
	defer func() { _ = conn.Close() }()
	if err := conn.Set(ctx, probeKey, 1, time.Second).Err(); err != nil {
		return fmt.Errorf("write something to be confirmed: %w", err)
	}
	return Confirm(ctx, conn)
}
