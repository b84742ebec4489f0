package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// outbox is a slice per shard.
type outbox struct {
	mu     sync.Mutex
	shards [][]ledger.OutboxEntry
	news   chan struct{} // closed and replaced at each add
	err    error
	chaos  func() error // may fail a deletion; called with mu held
	serial int
	aside  []string // positions

	reads, watches atomic.Int64 // of one shard, and of all that rest
}

func newOutbox(shards int) *outbox {
	return &outbox{shards: make([][]ledger.OutboxEntry, shards), news: make(chan struct{})}
}

// add takes ids of the form KEY.N.
func (o *outbox) add(shard int, ids ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		o.serial++
		key, _, _ := strings.Cut(id, ".")
		position := fmt.Sprintf("%d-%d", time.Now().UnixMilli(), o.serial)
		o.shards[shard] = append(o.shards[shard], ledger.OutboxEntry{Position: position, Encoded: events.Encoded{ID: id, Key: key}})
	}
	close(o.news)
	o.news = make(chan struct{})
}

func (o *outbox) ReadOutbox(ctx context.Context, shard, count int, block time.Duration) ([]ledger.OutboxEntry, error) {
	o.reads.Add(1)
	head, news, err := o.head(shard, count)
	if len(head) > 0 || err != nil || block <= 0 {
		return head, err
	}
	select {
	case <-news:
	case <-time.After(block):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	head, _, err = o.head(shard, count)
	return head, err
}

func (o *outbox) head(shard, count int) ([]ledger.OutboxEntry, <-chan struct{}, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	entries := o.shards[shard]
	return slices.Clone(entries[:min(count, len(entries))]), o.news, o.err
}

func (o *outbox) DeleteOutbox(_ context.Context, shard int, positions []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.chaos != nil {
		if err := o.chaos(); err != nil {
			return err
		}
	}
	o.shards[shard] = slices.DeleteFunc(o.shards[shard], func(e ledger.OutboxEntry) bool { return slices.Contains(positions, e.Position) })
	return nil
}

// put adds what is no event.
func (o *outbox) put(shard int, e ledger.OutboxEntry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shards[shard] = append(o.shards[shard], e)
}

func (o *outbox) SetAside(ctx context.Context, shard int, positions []string) (int, error) {
	err := o.DeleteOutbox(ctx, shard, positions)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.aside = append(o.aside, positions...)
	return len(positions), err
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

func (o *outbox) left() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, entries := range o.shards {
		n += len(entries)
	}
	return n
}

// stream stores ids once, as JetStream does within its window.
type stream struct {
	unready    error // what EnsureStream answers
	ensured    int
	mu         sync.Mutex
	stored     []string
	duplicates int
	err        error
	refuse     string       // a key that cannot be stored
	hang       bool         // answers nobody
	chaos      func() error // may lose an acknowledgement; called with mu held
}

func (s *stream) EnsureStream(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensured++
	return s.unready
}

func (s *stream) Deliver(ctx context.Context, entries []events.Encoded) []events.Delivery {
	results := make([]events.Delivery, len(entries))
	blocked := map[string]bool{}
	for i, e := range entries {
		if blocked[e.Key] {
			results[i].Err = errors.New("held back")
			continue
		}
		results[i] = s.store(ctx, e)
		blocked[e.Key] = results[i].Err != nil
	}
	return results
}

func (s *stream) store(ctx context.Context, e events.Encoded) (d events.Delivery) {
	if s.hang {
		<-ctx.Done()
		return events.Delivery{Err: context.Cause(ctx)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return events.Delivery{Err: s.err}
	}
	if e.Key == s.refuse {
		return events.Delivery{Err: errors.New("refused")}
	}
	if slices.Contains(s.stored, e.ID) {
		s.duplicates++
		d.Duplicate = true
	} else {
		s.stored = append(s.stored, e.ID)
	}
	if s.chaos != nil {
		d.Err = s.chaos()
	}
	return d
}

func (s *stream) down(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *stream) ids() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.stored, " ")
}
