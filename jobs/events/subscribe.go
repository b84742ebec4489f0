package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Options say who reads, and what.
type Options struct {
	// Durable is the identity of the reader: the server remembers under this
	// name how far it has read, across restarts and for all processes that use
	// it, which share the work. Never change it: a new name reads everything
	// from the start. Two programs with one name take events away from each
	// other. No dots, spaces, slashes or wildcards.
	Durable string

	Filter // the zero value is everything that the handlers can take

	// Since is where a new reader starts; zero is the oldest event there is. A
	// reader that exists goes on where it was.
	Since time.Time

	// MaxAckPending is how many events may be under way at once; 0 means 1,
	// which keeps the order also when a handler fails. More is faster, lets
	// later events overtake one that failed, and wants handlers that are done
	// well within 30 s.
	MaxAckPending int

	// Trouble hears of outages (once each), of handlers' errors and of events
	// that could not be read. May be nil.
	Trouble func(error)
}

const ackWait = 30 * time.Second // without a word from the reader, the server delivers again

// Subscribe hands events to the handlers, one at a time, until ctx ends; then it
// returns nil. It waits patiently while NATS or the stream is away, or a limit or a
// permission is in the way; Trouble hears of that. It returns an error only when
// the options make reading impossible, or the connection was closed here.
func Subscribe(ctx context.Context, js jetstream.JetStream, o Options, handlers ...Handler) error {
	s, err := newSubscription(js, o, handlers)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return s.persist(ctx, func() error {
		consumer, err := s.consumer(ctx)
		if err != nil {
			return unanswered(js.Conn(), err)
		}
		return receive(ctx, consumer, func(m jetstream.Msg) error {
			s.reset()
			return s.deliver(ctx, m)
		})
	})
}

// consumerName reports whether the server takes it for a consumer.
func consumerName(name string) bool { return name != "" && !strings.ContainsAny(name, " .*>/\\\t\r\n") }

type subscription struct {
	reconnect
	js       jetstream.JetStream
	options  Options
	handlers map[string]Handler
	subjects []string
	wider    bool // subjects cover more than the handlers take
}

func newSubscription(js jetstream.JetStream, o Options, handlers []Handler) (*subscription, error) {
	if !consumerName(o.Durable) {
		return nil, fmt.Errorf("durable name %q is empty or has a dot, a space, a slash or a wildcard", o.Durable)
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	table, kinds, err := byKind(handlers)
	if err != nil {
		return nil, err
	}
	subjects := o.covering(kinds)
	if len(subjects) == 0 {
		return nil, errors.New("a status was given, but no handler for sponsorships")
	}
	return &subscription{
		reconnect: reconnect{tell: o.Trouble},
		js:        js, options: o, handlers: table, subjects: subjects, wider: len(o.subjects(kinds)) > len(subjects),
	}, nil
}

func (s *subscription) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := canFilter(s.js.Conn(), s.subjects); err != nil {
		return nil, err
	}
	existing, err := s.js.Consumer(ctx, StreamName, s.options.Durable)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, err
	}
	config := newReader(s.options)
	if err == nil {
		config = existing.CachedInfo().Config // its start can't be changed, and need not be
	}
	return s.js.CreateOrUpdateConsumer(ctx, StreamName, filtered(configured(config, s.options), s.subjects))
}

func newReader(o Options) jetstream.ConsumerConfig {
	config := jetstream.ConsumerConfig{
		Durable:       o.Durable,
		AckPolicy:     jetstream.AckExplicitPolicy,
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	if !o.Since.IsZero() {
		config.DeliverPolicy = jetstream.DeliverByStartTimePolicy
		config.OptStartTime = &o.Since
	}
	return config
}

func configured(c jetstream.ConsumerConfig, o Options) jetstream.ConsumerConfig {
	c.AckWait = ackWait
	c.MaxAckPending = max(o.MaxAckPending, 1)
	c.MaxDeliver = -1
	return c
}

// deliver runs the handler and settles the message. A handler that was
// interrupted by the end of ctx leaves its event unsettled: receive gives it back.
func (s *subscription) deliver(ctx context.Context, m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("read message metadata: %w", err)
	}
	err = s.handle(ctx, m)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil && s.options.Trouble != nil {
		s.options.Trouble(fmt.Errorf("handle event %s: %w", m.Headers().Get(jetstream.MsgIDHeader), err))
	}
	switch v := decide(err, meta.NumDelivered); {
	case v.again:
		return m.NakWithDelay(v.after)
	case v.reason != "":
		return m.TermWithReason(v.reason)
	default:
		return m.Ack()
	}
}

func (s *subscription) handle(ctx context.Context, m jetstream.Msg) error {
	handler, known := s.handlers[kindOf(m.Subject())]
	if !known && s.wider {
		return nil // the filter lets more through than was asked for
	}
	if !known {
		return Permanent(fmt.Errorf("no handler for subject %s", m.Subject()))
	}
	if _, err := open(m); err != nil {
		return Permanent(fmt.Errorf("decode event: %w", err))
	}
	stop := keepAlive(m, ackWait/3)
	defer stop()
	return handler.handle(ctx, m.Data())
}

// keepAlive tells the server that the work goes on, until stop is called.
func keepAlive(m jetstream.Msg, every time.Duration) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = m.InProgress() // a lost one is made up for by the next
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
