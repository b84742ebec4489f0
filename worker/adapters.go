package main

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/relay"
)

// outbox shows the ledger's outbox to the relay, which does not know Redis.
type outbox struct{ ledger *ledger.Ledger }

func (o outbox) Read(ctx context.Context, shard, count int, block time.Duration) ([]relay.Entry, error) {
	if block == 0 {
		block = -1 // Redis takes 0 forever
	}
	found, err := o.ledger.ReadOutbox(ctx, shard, count, block)
	entries := make([]relay.Entry, len(found))
	for i, e := range found {
		entries[i] = relay.Entry{Position: e.Position, EventID: e.ID, Key: e.Key, Subject: e.Subject, Payload: e.Payload}
	}
	return entries, err
}

func (o outbox) Delete(ctx context.Context, shard int, positions []string) error {
	return o.ledger.DeleteOutbox(ctx, shard, positions)
}

// stream shows the event publisher to the relay, which does not know NATS.
type stream struct{ publisher *events.Publisher }

func (s stream) Publish(ctx context.Context, entries []relay.Entry) []error {
	batch := make([]events.Encoded, len(entries))
	for i, e := range entries {
		batch[i] = events.Encoded{ID: e.EventID, Key: e.Key, Subject: e.Subject, Payload: e.Payload}
	}
	return s.publisher.Publish(ctx, batch)
}
