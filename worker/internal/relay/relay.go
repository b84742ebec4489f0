// Package relay moves events from the outbox to the stream.
//
// An event is written to the outbox in the same atomic step as the change that
// it tells of, so the two cannot part; the relay makes sure that it also arrives.
// It reads each shard from the head, publishes, waits for the acknowledgement,
// and only then deletes. A crash anywhere between these steps publishes an event
// again under its own id, which the stream drops. Hence any number of relays may
// work on one outbox without a leader: whoever publishes an event has had all
// earlier ones of its key acknowledged.
//
// What cannot be one of our events is set aside, so that nothing waits behind it,
// and whoever may write to the outbox cannot use the worker's rights in NATS.
//
// The package declares what it needs of both ends. It never decides what is
// published, and never looks into a payload.
package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// Outbox is where events wait; *ledger.Ledger is one. All methods must obey
// their context.
type Outbox interface {
	// ReadOutbox returns up to count entries from the head of the shard, in
	// order. If there are none it waits for the first, but not longer than block.
	ReadOutbox(ctx context.Context, shard, count int, block time.Duration) ([]ledger.OutboxEntry, error)
	// DeleteOutbox removes entries. Positions that are gone already are no error.
	DeleteOutbox(ctx context.Context, shard int, positions []string) error
	// SetAside takes entries out of the way that must never be published, and
	// returns how many were still there.
	SetAside(ctx context.Context, shard int, positions []string) (int, error)
}

// Publisher stores events for good; *events.Publisher is one.
type Publisher interface {
	// EnsureStream makes the stream that Deliver stores in, where there is none.
	EnsureStream(ctx context.Context) error
	// Deliver returns one entry per event. After a failure it must not publish
	// later events of the same key.
	Deliver(ctx context.Context, batch []events.Encoded) []events.Delivery
}

// Metrics hears of the relay's work, from all shards at once. Any function may be nil.
type Metrics struct {
	Published func(entries int) // acknowledged by the stream
	Failed    func()            // a round that did not get everything through
	SetAside  func(entries int) // none of ours
	Duplicate func(entries int) // in the stream before this relay first sent them
}

// Params are what a relay works with. Outbox, Publisher, Shards and Rand are
// required.
type Params struct {
	Outbox    Outbox
	Publisher Publisher
	Shards    int
	Log       zerolog.Logger
	Metrics   Metrics
	Rand      func() float64       // in [0, 1), for jitter
	Traces    trace.TracerProvider // gets a span for each event that belongs to a trace; nil records none

	// News waits, not longer than block, until the outbox of one of the shards holds
	// something, and returns those that do. It may be nil, and may fail: then each
	// shard waits by itself.
	News func(ctx context.Context, shards []int, block time.Duration) ([]int, error)
}

// Relay runs one loop per shard.
type Relay struct {
	p        Params
	problems problems
	watch    *watch
	tried    []map[string]bool // by shard: positions that were sent and are not deleted
	noticed  [2]sync.Once      // a log line for what is set aside, and for duplicates
}

// New checks the parameters.
func New(p Params) (*Relay, error) {
	if p.Outbox == nil || p.Publisher == nil || p.Rand == nil || p.Shards < 1 {
		return nil, errors.New("relay: outbox, publisher, shards or randomness is missing")
	}
	return &Relay{p: p, watch: newWatch(p.News), tried: make([]map[string]bool, p.Shards)}, nil
}

// Run relays until ctx ends. Then it makes a last pass over what is in the outbox
// by now, bounded in time, and returns. Stop whatever writes to the outbox first.
// What is left after that is left to the next relay: nothing is lost.
func (r *Relay) Run(ctx context.Context) {
	r.prepare(ctx)
	var shards sync.WaitGroup
	shards.Go(func() { r.watch.run(ctx) })
	for shard := range r.p.Shards {
		shards.Go(func() {
			r.follow(ctx, shard)
			r.finish(ctx, shard)
		})
	}
	shards.Wait()
}
