package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// OutboxEntry is an event that waits to be published.
type OutboxEntry struct {
	Position string // in the shard's outbox; begins with the Unix milliseconds of its writing
	events.Encoded
}

// ReadOutbox returns up to count entries from the head of a shard's outbox, the
// oldest first. With nothing there it waits up to block for the first; a block of
// 0 or less does not wait.
func (l *Ledger) ReadOutbox(ctx context.Context, shard, count int, block time.Duration) ([]OutboxEntry, error) {
	if block <= 0 {
		block = -1 // Redis takes 0 for forever
	}
	streams, err := l.rdb.XRead(ctx, &redis.XReadArgs{
		Streams: []string{state.ShardKey(shard, "outbox"), "0"}, Count: int64(count), Block: block,
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
		entries[i] = OutboxEntry{Position: m.ID, Encoded: events.Encoded{
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
	err := l.rdb.XDel(ctx, state.ShardKey(shard, "outbox"), positions...).Err()
	return wrap(err, "trim outbox %d", shard)
}
