package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// OutboxEntry is an event that waits to be published.
type OutboxEntry struct {
	Position string // in the shard's outbox
	Event
}

// ReadOutbox returns up to count entries from the head of a shard's outbox, the
// oldest first. With nothing there it waits up to block for the first.
func (l *Ledger) ReadOutbox(ctx context.Context, shard, count int, block time.Duration) ([]OutboxEntry, error) {
	streams, err := l.rdb.XRead(ctx, &redis.XReadArgs{
		Streams: []string{shardKey(shard, "outbox"), "0"}, Count: int64(count), Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) || (err == nil && len(streams) == 0) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read outbox %d: %w", shard, err)
	}
	entries := make([]OutboxEntry, len(streams[0].Messages))
	for i, m := range streams[0].Messages {
		text := func(field string) string { s, _ := m.Values[field].(string); return s }
		entries[i] = OutboxEntry{Position: m.ID, Event: Event{
			ID: text("id"), Subject: text("subject"), Key: text("key"), Payload: []byte(text("payload")),
		}}
	}
	return entries, nil
}

// DeleteOutbox drops entries that were published.
func (l *Ledger) DeleteOutbox(ctx context.Context, shard int, positions []string) error {
	if len(positions) == 0 {
		return nil
	}
	err := l.rdb.XDel(ctx, shardKey(shard, "outbox"), positions...).Err()
	return wrap(err, "trim outbox %d", shard)
}

// OutboxLength returns how many events wait to be published, in all shards.
func (l *Ledger) OutboxLength(ctx context.Context) (int64, error) {
	pipe := l.rdb.Pipeline()
	lengths := make([]*redis.IntCmd, Shards)
	for shard := range Shards {
		lengths[shard] = pipe.XLen(ctx, shardKey(shard, "outbox"))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, fmt.Errorf("measure outbox: %w", err)
	}
	total := int64(0)
	for _, n := range lengths {
		total += n.Val()
	}
	return total, nil
}
