package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	// maxBehind is how many events an open stream may be behind before it is
	// dropped. It resumes by itself, from JetStream, where memory is cheap.
	maxBehind = 256
	// maxReplays bounds the readers of JetStream beside the hub's own, which
	// matters when every browser comes back at once after a restart.
	maxReplays = 16
	// replayTime is how long one may take. A reader that is slower comes again from where
	// it was, behind those that wait for their turn.
	replayTime = 20 * time.Second
	// askWait and askAgain bound one question to JetStream and space out the next.
	askWait  = 5 * time.Second
	askAgain = time.Second
)

// Hub reads the stream once and passes each event to whoever listens to its
// organization. It keeps nothing: what a listener missed is in the stream.
type Hub struct {
	js  jetstream.JetStream
	log zerolog.Logger

	ready chan struct{} // closed when last is known
	done  chan struct{} // closed when Run has ended

	replays    chan struct{} // holds one token a replay that runs
	replayTime time.Duration

	logged string // the last problem that was logged; only Run uses it

	mu        sync.Mutex
	live      bool          // events arrive as they happen
	turned    chan struct{} // closed when live changes
	last      uint64        // sequence of the last event that was passed on
	listeners map[*listener]struct{}
}

// listener is one open event stream. Its channel is closed when it was dropped.
type listener struct {
	org  sponsorship.ID
	live chan events.Record
}

// NewHub returns a hub that does nothing until Run.
func NewHub(js jetstream.JetStream, log zerolog.Logger) *Hub {
	return &Hub{
		js: js, log: log, ready: make(chan struct{}), done: make(chan struct{}),
		turned: make(chan struct{}), replays: make(chan struct{}, maxReplays), replayTime: replayTime, listeners: map[*listener]struct{}{},
	}
}

// Run passes events on until ctx ends, whatever NATS says; then it ends every
// open event stream. Nothing else in the process needs NATS, so an error of the
// reader is logged and never returned. Call it once.
func (h *Hub) Run(ctx context.Context) {
	defer close(h.done)
	start, err := h.position(ctx)
	if err != nil {
		return // ctx has ended
	}
	h.mu.Lock()
	h.last = start
	h.mu.Unlock()
	close(h.ready)
	options := events.WatchOptions{Trouble: h.problem, Live: h.turn}
	for ctx.Err() == nil {
		last, _ := h.Position()
		h.problem(events.Watch(ctx, h.js, behind(options, last), h.pass))
		_ = jobs.Sleep(ctx, askAgain) // the loop looks at ctx itself
	}
}

// behind starts a watch right after a sequence, of which 0 is before the first.
func behind(o events.WatchOptions, sequence uint64) events.WatchOptions {
	if o.After = sequence; sequence == 0 {
		o.Since = time.Unix(0, 0)
	}
	return o
}

// position asks for the stream's end until it gets an answer. A stream that does
// not exist yet ends at 0.
func (h *Hub) position(ctx context.Context) (uint64, error) {
	return insist(ctx, func(ctx context.Context) (uint64, error) {
		stream, err := h.js.Stream(ctx, events.StreamName)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return 0, nil
		}
		if err != nil {
			h.problem(err)
			return 0, err
		}
		return stream.CachedInfo().State.LastSeq, nil
	})
}

// insist repeats a question to JetStream until it is answered or ctx ends.
func insist[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	for {
		value, err := bounded(ctx, ask)
		if err == nil || ctx.Err() != nil {
			return value, ctx.Err()
		}
		select {
		case <-ctx.Done():
		case <-time.After(askAgain):
		}
	}
}

func bounded[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	return ask(ctx)
}

// problem logs why events are late, but not the same thing twice in a row.
func (h *Hub) problem(err error) {
	if err == nil || err.Error() == h.logged {
		return
	}
	h.logged = err.Error()
	h.log.Warn().Err(err).Msg("events are late; everything else goes on")
}

// turn notes whether events arrive as they happen.
func (h *Hub) turn(live bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live = live
	close(h.turned)
	h.turned = make(chan struct{})
}

// Live reports whether events arrive as they happen, and returns a channel that
// is closed when that changes.
func (h *Hub) Live() (bool, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live, h.turned
}

// pass never waits: a listener that is full is dropped. A sequence that does not
// grow means that the stream was made anew, so that no listener's position is
// worth anything; all start over.
func (h *Hub) pass(r events.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logged = ""
	anew := r.Sequence <= h.last
	h.last = r.Sequence
	for l := range h.listeners {
		if anew {
			h.drop(l)
			continue
		}
		if l.org != organizationOf(r) {
			continue
		}
		select {
		case l.live <- r:
		default:
			h.drop(l)
		}
	}
	return nil
}

func (h *Hub) drop(l *listener) {
	if _, listening := h.listeners[l]; listening {
		delete(h.listeners, l)
		close(l.live)
	}
}

func (h *Hub) listen(org sponsorship.ID) *listener {
	l := &listener{org: org, live: make(chan events.Record, maxBehind)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[l] = struct{}{}
	return l
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(l)
}

func (h *Hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.listeners)
}

// Position returns the sequence of the last event that was passed on, or false
// while that is not known. A page that is rendered after asking, and listens
// from there, misses nothing.
func (h *Hub) Position() (uint64, bool) {
	select {
	case <-h.ready:
	default:
		return 0, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last, true
}

// organizationOf reads the first half of a CloudEvents subject.
func organizationOf(r events.Record) sponsorship.ID {
	const length = 36
	return sponsorship.ID(r.Event.Subject[:min(len(r.Event.Subject), length)])
}
