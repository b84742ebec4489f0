package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// outboxVersion is the newest form of an entry that this program can read.
const outboxVersion = 1

// OutboxEntry is what stands in the outbox: an event that waits to be published,
// or, where one of the two last fields is set, something that must not be.
type OutboxEntry struct {
	Position string // in the shard's outbox; begins with the Unix milliseconds of its writing
	events.Encoded
	Newer   bool  // a newer program wrote it, and only such a one can read it
	Foreign error // why it cannot be of any program of ours
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
		entries[i] = parseEntry(m)
	}
	return entries, nil
}

// News waits up to block until the outbox of one of the shards holds something, and
// returns those that do: none, if nothing has come. In a Redis Cluster it fails, since
// shards lie in different slots.
func (l *Ledger) News(ctx context.Context, shards []int, block time.Duration) ([]int, error) {
	args := &redis.XReadArgs{Count: 1, Block: block}
	at := map[string]int{}
	for _, shard := range shards {
		key := state.ShardKey(shard, "outbox")
		at[key], args.Streams = shard, append(args.Streams, key)
	}
	for range shards {
		args.Streams = append(args.Streams, "0")
	}
	streams, err := l.rdb.XRead(ctx, args).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("watch %d outboxes: %w", len(shards), err)
	}
	var found []int
	for _, s := range streams {
		found = append(found, at[s.Stream])
	}
	return found, nil
}

func parseEntry(m redis.XMessage) OutboxEntry {
	entry := OutboxEntry{Position: m.ID}
	text, _ := m.Values["v"].(string)
	version, err := strconv.Atoi(text)
	switch {
	case err != nil || version < 1:
		entry.Foreign = errors.New("it has no version")
	case version > outboxVersion:
		entry.Newer = true
	default:
		payload, _ := m.Values["event"].(string)
		entry.Encoded, entry.Foreign = events.Restore([]byte(payload))
	}
	return entry
}

// DeleteOutbox drops entries that were published.
func (l *Ledger) DeleteOutbox(ctx context.Context, shard int, positions []string) error {
	if len(positions) == 0 {
		return nil
	}
	err := l.rdb.XDel(ctx, state.ShardKey(shard, "outbox"), positions...).Err()
	return wrap(err, "trim outbox %d", shard)
}

// asideLength bounds what is kept, per shard, of what was set aside.
const asideLength = 1000

// SetAside moves entries that must not be published to the list "outbox:aside" of
// the shard, where a person can look at them. It returns how many it moved.
func (l *Ledger) SetAside(ctx context.Context, shard int, positions []string) (int, error) {
	args := make([]any, 0, 1+len(positions))
	args = append(args, asideLength)
	for _, p := range positions {
		args = append(args, p)
	}
	keys := []string{state.ShardKey(shard, "outbox"), state.ShardKey(shard, "outbox:aside")}
	n, err := l.scripts.aside.Run(ctx, l.rdb, keys, args...).Int()
	return n, wrap(err, "set entries of outbox %d aside", shard)
}
