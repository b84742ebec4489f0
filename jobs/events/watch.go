package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// WatchOptions say what to show. The zero value is everything from now on.
type WatchOptions struct {
	Filter
	After   uint64      // set: starts behind this [Record.Sequence]; wins over Since
	Since   time.Time   // set: starts with the first event stored at or after it
	Trouble func(error) // hears of outages, of each once; may be nil
	Live    func(bool)  // hears when events begin to flow, and when they stop; may be nil

	// Consumer names what the server keeps of this watch, for a NATS user who may
	// use no other name; "" is a new name each time. Of two watches of one name
	// only the later one goes on well.
	Consumer string
}

// Record is one event as it stands in the stream.
type Record struct {
	Sequence uint64                 // grows; give it back as After to go on behind this one
	Event    Event[json.RawMessage] // Decode[T](Payload) has the typed data
	Payload  []byte                 // the CloudEvents document
}

// Watch shows events in order, each once, until ctx ends (then it returns nil) or
// yield returns an error (then it returns that). It acknowledges nothing and
// leaves nothing behind, so it suits displays; a program that must not miss an
// event across its own restarts wants [Subscribe].
func Watch(ctx context.Context, js jetstream.JetStream, o WatchOptions, yield func(Record) error) error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if o.Consumer != "" && !consumerName(o.Consumer) {
		return fmt.Errorf("watch: consumer name %q has a dot, a space, a slash or a wildcard", o.Consumer)
	}
	w := &watcher{reconnect: reconnect{tell: o.Trouble}, js: js, name: cmp.Or(o.Consumer, uniqueName()), options: o, yield: yield}
	return w.persist(ctx, func() error { return w.session(ctx) })
}

type watcher struct {
	reconnect
	js      jetstream.JetStream
	name    string // of the consumer, so that it can be removed whatever came of making it
	options WatchOptions
	yield   func(Record) error
}

// session reads until something breaks. Consumers without acknowledgement may
// lose messages on the way; the gap shows in the consumer's own numbering, and
// the next session fills it.
func (w *watcher) session(ctx context.Context) error {
	consumer, err := w.consumer(ctx)
	if err != nil {
		return unanswered(w.js.Conn(), err)
	}
	defer w.forget(ctx)
	defer w.live()()
	var number uint64
	return receive(ctx, consumer, func(m jetstream.Msg) error {
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read message metadata: %w", err)
		}
		if number++; meta.Sequence.Consumer != number {
			return fmt.Errorf("message %d came as number %d", meta.Sequence.Consumer, number)
		}
		w.reset()
		w.options.After = meta.Sequence.Stream
		return w.show(m)
	})
}

// consumer never asks for the stream itself: who may do that may list the subjects
// of all organizations. A consumer of what comes next knows where the stream ends.
func (w *watcher) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if w.options.Consumer != "" {
		w.forget(ctx) // one of an earlier session
	}
	if w.options.After > 0 {
		end, err := w.create(ctx, next(w.name))
		if err != nil {
			return nil, err
		}
		w.options = from(w.options, lastOf(end))
		w.forget(ctx)
	}
	consumer, err := w.create(ctx, ephemeral(w.name, w.options))
	if err == nil && w.options.fromNow() {
		w.options = from(w.options, lastOf(consumer))
	}
	return consumer, err
}

func (w *watcher) create(ctx context.Context, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	consumer, err := w.js.CreateConsumer(ctx, StreamName, filtered(config, w.options.Subjects()))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		w.options = from(w.options, 0) // whatever it will hold is news
	}
	if err != nil {
		w.forget(ctx) // an answer may be lost, or not liked, when the consumer is there
	}
	return consumer, err
}

// lastOf is the end of the stream when a consumer of what comes next was made.
func lastOf(c jetstream.Consumer) uint64 { return c.CachedInfo().Delivered.Stream }

// live tells that events flow; what it returns tells that they have stopped.
func (w *watcher) live() (stop func()) {
	if w.options.Live == nil {
		return func() {}
	}
	w.options.Live(true)
	return func() { w.options.Live(false) }
}

func (w *watcher) show(m jetstream.Msg) error {
	e, err := open(m)
	if err != nil {
		if w.options.Trouble != nil {
			w.options.Trouble(fmt.Errorf("read event %d: %w", w.options.After, err))
		}
		return nil
	}
	if err := w.yield(Record{Sequence: w.options.After, Event: e, Payload: m.Data()}); err != nil {
		return final{err}
	}
	return nil
}

// forget removes the consumer: a server has room for so many. It would do that
// by itself a while later.
func (w *watcher) forget(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWait)
	defer cancel()
	_ = w.js.DeleteConsumer(ctx, StreamName, w.name)
}

func (o WatchOptions) fromNow() bool { return o.After == 0 && o.Since.IsZero() }

// from pins "from now on" to a sequence, so that an outage cannot move it, and
// starts over when the stream ends before the wanted one: it was made anew, and
// all it holds is news.
func from(o WatchOptions, last uint64) WatchOptions {
	switch {
	case o.After > last:
		o.After, o.Since = 0, time.Unix(0, 0)
	case o.fromNow() && last > 0:
		o.After = last
	case o.fromNow():
		o.Since = time.Unix(0, 0)
	}
	return o
}

// uniqueName names a consumer as the client names an inbox: never twice.
func uniqueName() string {
	return "watch-" + strings.TrimPrefix(nats.NewInbox(), nats.InboxPrefix)
}

// abandoned is how long a consumer outlives a watcher that was killed. One that
// lives asks for messages all the time.
const abandoned = 10 * time.Second

func ephemeral(name string, o WatchOptions) jetstream.ConsumerConfig {
	config := next(name)
	switch {
	case o.After > 0:
		config.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
		config.OptStartSeq = o.After + 1
	case !o.Since.IsZero():
		config.DeliverPolicy = jetstream.DeliverByStartTimePolicy
		config.OptStartTime = &o.Since
	}
	return config
}

// next is a consumer of what comes from now on.
func next(name string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Name:              name,
		DeliverPolicy:     jetstream.DeliverNewPolicy,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: abandoned,
	}
}
