package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// copied is a copy of the store, and what was acknowledged by then.
type copied struct {
	keys    []entry
	tickets []*ticket
	ended   []bool
	at      int64 // how much time had gone by
}

// entry is one key of the store.
type entry struct {
	key  string
	put  func(context.Context, redis.Pipeliner)
	left time.Duration // until it expires; 0: never
}

// backUp copies the store.
func (m *model) backUp() {
	c := &copied{tickets: slices.Clone(m.tickets), at: m.clockOff.Load()}
	for _, t := range m.tickets {
		c.ended = append(c.ended, t.ended)
	}
	ctx := m.t.Context()
	for _, key := range m.rdb.Keys(ctx, "*").Val() {
		e := entry{key: key, put: m.content(key), left: max(0, m.rdb.PTTL(ctx, key).Val())}
		c.keys = append(c.keys, e)
	}
	m.copy = c
}

func (m *model) content(key string) func(context.Context, redis.Pipeliner) {
	ctx := m.t.Context()
	switch kind := m.rdb.Type(ctx, key).Val(); kind {
	case "string":
		v := m.rdb.Get(ctx, key).Val()
		return func(ctx context.Context, p redis.Pipeliner) { p.Set(ctx, key, v, 0) }
	case "hash":
		v := m.rdb.HGetAll(ctx, key).Val()
		return func(ctx context.Context, p redis.Pipeliner) { p.HSet(ctx, key, v) }
	case "list":
		v := m.rdb.LRange(ctx, key, 0, -1).Val()
		return func(ctx context.Context, p redis.Pipeliner) { p.RPush(ctx, key, anys(v)...) }
	case "set":
		v := m.rdb.SMembers(ctx, key).Val()
		return func(ctx context.Context, p redis.Pipeliner) { p.SAdd(ctx, key, anys(v)...) }
	case "zset":
		v := m.rdb.ZRangeWithScores(ctx, key, 0, -1).Val()
		return func(ctx context.Context, p redis.Pipeliner) { p.ZAdd(ctx, key, v...) }
	case "stream":
		v := m.rdb.XRange(ctx, key, "-", "+").Val()
		return func(ctx context.Context, p redis.Pipeliner) {
			for _, x := range v {
				p.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: x.ID, Values: x.Values})
			}
		}
	default:
		m.rt.Fatalf("%s is a %s", key, kind)
	}
	return nil
}

func anys(all []string) []any {
	some := make([]any, len(all))
	for i, v := range all {
		some[i] = v
	}
	return some
}

// putBack is a Redis that comes back as it was, or empty, under running programs. No
// request is under way; what else is known of one is lost with it.
func (m *model) putBack() {
	m.land()
	m.published()
	m.restores++
	c := m.copy
	if c == nil || m.draw("empty", 3) == 0 {
		c = &copied{}
	}
	m.passes(time.Second) // a restart takes longer than a row takes for its changes
	ctx := m.t.Context()
	jobstest.Must(m.t, m.rdb.FlushAll(ctx).Err())
	pipe := m.rdb.Pipeline()
	for _, e := range c.keys {
		e.put(ctx, pipe)
		if e.left > 0 {
			pipe.PExpire(ctx, e.key, e.left)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		m.rt.Fatal(err)
	}
	jobstest.Must(m.t, jobstest.Ledger{Redis: m.rdb}.Advance(ctx, time.Duration(m.clockOff.Load()-c.at))) // the time is the same
	m.begins()
	m.tickets = nil
	for i, t := range c.tickets {
		m.tickets = append(m.tickets, &ticket{id: t.id, args: t.args, ended: c.ended[i], maybe: true})
	}
	if len(c.keys) == 0 {
		jobstest.Must(m.t, m.ledger.Connect(ctx, org, m.connection()))
	}
}

// begins tells every worker that Redis runs, perhaps anew.
func (m *model) begins() {
	run := fmt.Sprint("run-", m.restores)
	for _, l := range []*ledger.Ledger{m.ledger, m.hands[0].ledger, m.hands[1].ledger} {
		if _, err := l.NoteRun(m.t.Context(), m.rdb, ledger.Run{ID: run, Confirms: true}); err != nil {
			m.rt.Fatal(err)
		}
	}
}

// published is what a relay carries away: each entry of the outbox once.
func (m *model) published() {
	for _, e := range m.outbox() {
		if old, known := m.stream[e.ID]; known && old != string(e.Payload) {
			m.rt.Fatalf("the event id %s stands for two facts:\n%s\n%s", e.ID, old, e.Payload)
		} else if known {
			continue
		}
		m.stream[e.ID] = string(e.Payload)
		m.order = append(m.order, e)
	}
}
