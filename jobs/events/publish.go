package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	ackTimeout = 5 * time.Second // from handing a message over to the server's word that it is stored
	waveSize   = 1000            // messages in flight of one Publish
	maxPending = 16 * waveSize   // of all of them
)

// ErrHeldBack is the result of an event that was not sent, because an earlier one
// of its key, or everything before it, was not acknowledged.
var ErrHeldBack = errors.New("held back behind an event that was not acknowledged")

// Publisher publishes encoded events. It is safe for concurrent use.
type Publisher struct {
	js       jetstream.JetStream
	settings Settings
}

// NewPublisher publishes over js, which [Connect] has made, and creates the
// stream with these settings whenever it turns out to be missing.
func NewPublisher(js jetstream.JetStream, s Settings) *Publisher {
	return &Publisher{js: js, settings: s}
}

// Delivery is what came of publishing one event.
type Delivery struct {
	Err       error // nil when it is in the stream
	Duplicate bool  // it, or something under its id, was there before
}

// Publish is [Publisher.Deliver] for those who need no more than the errors.
func (p *Publisher) Publish(ctx context.Context, batch []Encoded) []error {
	errs := make([]error, len(batch))
	for i, d := range p.Deliver(ctx, batch) {
		errs[i] = d.Err
	}
	return errs
}

// Deliver sends a batch and waits for the acknowledgements. The result has one
// entry per event. Events of one key are sent in
// order, each only after the one before it is stored; after a failure the later
// ones of its key are [ErrHeldBack]. An event that failed may still arrive;
// publishing it again is harmless because its id is the same.
func (p *Publisher) Deliver(ctx context.Context, batch []Encoded) []Delivery {
	results := make([]Delivery, len(batch))
	blocked := make(map[string]bool)
	down := false
	for _, wave := range waves(batch, waveSize) {
		wave = slices.DeleteFunc(wave, func(i int) bool {
			held := down || blocked[batch[i].Key]
			if held {
				results[i].Err = ErrHeldBack
			}
			return held
		})
		if len(wave) == 0 {
			continue
		}
		p.publishWave(ctx, batch, wave, results)
		down = true
		for _, i := range wave {
			blocked[batch[i].Key] = results[i].Err != nil
			down = down && results[i].Err != nil
		}
	}
	return results
}

// publishWave sends the wave, and what failed for want of a stream once more
// after repairing it.
func (p *Publisher) publishWave(ctx context.Context, batch []Encoded, wave []int, results []Delivery) {
	p.send(ctx, batch, wave, results)
	var again []int
	for _, i := range wave {
		if streamMayBeMissing(results[i].Err) {
			again = append(again, i)
		}
	}
	if len(again) == 0 || ctx.Err() != nil {
		return
	}
	if err := p.EnsureStream(ctx); err != nil {
		for _, i := range again {
			results[i].Err = errors.Join(results[i].Err, err)
		}
		return
	}
	p.send(ctx, batch, again, results)
}

// EnsureStream is [EnsureStream] with the publisher's settings, bounded by five
// seconds. It says so when there is no connection at all; [Connection.Unreached] is told why.
func (p *Publisher) EnsureStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := EnsureStream(ctx, p.js, p.settings)
	if err != nil && !p.js.Conn().IsConnected() {
		return fmt.Errorf("there is no connection to NATS: %w", err)
	}
	return err
}

// streamMayBeMissing also suspects a timeout: when somebody listens to the
// subject without JetStream, a missing stream is mere silence.
func streamMayBeMissing(err error) bool {
	return errors.Is(err, jetstream.ErrNoStreamResponse) ||
		errors.Is(err, jetstream.ErrAsyncPublishTimeout) ||
		errors.Is(err, jetstream.ErrInvalidJSAck)
}

func (p *Publisher) send(ctx context.Context, batch []Encoded, wave []int, results []Delivery) {
	acks := make([]jetstream.PubAckFuture, len(wave))
	for n, i := range wave {
		acks[n], results[i].Err = p.js.PublishMsgAsync(message(batch[i]),
			jetstream.WithMsgID(batch[i].ID), jetstream.WithStallWait(ackTimeout))
	}
	for n, i := range wave {
		if results[i].Err == nil {
			results[i] = wait(ctx, acks[n])
		}
		if err := results[i].Err; err != nil {
			results[i].Err = fmt.Errorf("publish event: %w", err) // no id: equal causes have equal texts
		}
	}
}

func message(e Encoded) *nats.Msg {
	m := nats.NewMsg(e.Subject)
	m.Data = e.Payload
	m.Header.Set("Content-Type", ContentType)
	return m
}

// wait prefers an answer that is there over a deadline that has passed.
func wait(ctx context.Context, ack jetstream.PubAckFuture) Delivery {
	select {
	case stored := <-ack.Ok():
		return Delivery{Duplicate: stored.Duplicate}
	case err := <-ack.Err():
		return Delivery{Err: err}
	case <-ctx.Done():
	}
	select {
	case stored := <-ack.Ok():
		return Delivery{Duplicate: stored.Duplicate}
	default:
		return Delivery{Err: context.Cause(ctx)}
	}
}
