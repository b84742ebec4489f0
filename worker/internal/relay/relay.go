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
// The package declares what it needs of both ends. It knows neither Redis nor
// NATS, and never looks into a payload.
package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Entry is one event in the outbox.
type Entry struct {
	Position string // its place in the shard; begins with the Unix milliseconds of its writing, as a Redis stream id does
	EventID  string
	Key      string // events of one key keep their order
	Subject  string
	Payload  []byte
}

// Outbox is where events wait. Both methods must obey their context.
type Outbox interface {
	// Read returns up to count entries from the head of the shard. If there are
	// none it waits for the first, but not longer than block; a negative block
	// does not wait, as with XREAD.
	// It never returns entries out of order, and may return none.
	Read(ctx context.Context, shard, count int, block time.Duration) ([]Entry, error)
	// Delete removes entries. Positions that are gone already are no error.
	Delete(ctx context.Context, shard int, positions []string) error
}

// Publisher stores events for good. The result has one error per entry, nil when
// the entry is stored. After a failure it must not publish later entries of the
// same key.
type Publisher interface {
	Publish(ctx context.Context, entries []Entry) []error
}

// Metrics hears of the relay's work, from all shards at once. Any function may be nil.
type Metrics struct {
	Published func(entries int)                     // acknowledged by the stream
	Failed    func()                                // a round that did not get everything through
	Lag       func(shard int, oldest time.Duration) // age of the head; 0 when the shard is empty
}

// Params are what a relay works with. Outbox, Publisher, Shards, Now and Random
// are required.
type Params struct {
	Outbox    Outbox
	Publisher Publisher
	Shards    int
	Log       zerolog.Logger
	Metrics   Metrics
	Now       func() time.Time
	Random    func() float64 // in [0, 1), for jitter
}

// Relay runs one loop per shard.
type Relay struct {
	Params
	troubles troubles
}

// New checks the parameters.
func New(p Params) (*Relay, error) {
	if p.Outbox == nil || p.Publisher == nil || p.Now == nil || p.Random == nil || p.Shards < 1 {
		return nil, errors.New("relay: outbox, publisher, shards, clock or randomness is missing")
	}
	return &Relay{Params: p}, nil
}

// Run relays until ctx ends. Then it makes a last pass over what is in the outbox
// by now, bounded in time, and returns. Stop whatever writes to the outbox first.
// What is left after that is left to the next relay: nothing is lost.
func (r *Relay) Run(ctx context.Context) {
	var shards sync.WaitGroup
	for shard := range r.Shards {
		shards.Go(func() {
			r.follow(ctx, shard)
			r.finish(ctx, shard)
		})
	}
	shards.Wait()
}
