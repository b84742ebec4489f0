package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs"
)

const (
	requestTimeout = 5 * time.Second // of one question to JetStream's API, whatever the caller's deadline

	prefetch   = 100              // messages asked for at once; no more than MaxAckPending come
	heartbeat  = 2 * time.Second  // a server silent for twice as long counts as gone
	pullExpiry = 30 * time.Second // how long one request for messages stands
	resumeWait = time.Second      // between two attempts to read on
	leaveWait  = time.Second      // for giving messages back at the end
	settled    = 10 * time.Second // a session that lasted as long was well
)

// receive hands over messages one by one until ctx ends, the consumer breaks or
// handle returns an error.
func receive(ctx context.Context, c jetstream.Consumer, handle func(jetstream.Msg) error) error {
	messages, err := c.Messages(jetstream.PullMaxMessages(prefetch),
		jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(pullExpiry))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err == nil && ctx.Err() == nil {
			if err = handle(m); err == nil {
				continue
			}
		}
		if ctx.Err() != nil {
			giveBack(messages, m)
		}
		return err
	}
}

// giveBack returns what was delivered but not settled, so that the next reader
// need not wait for the acknowledgement to time out. It first waits until the
// server has forgotten our subscription, or it would send the same messages here
// once more.
func giveBack(messages jetstream.MessagesContext, m jetstream.Msg) {
	var unsettled []jetstream.Msg
	messages.Drain()
	for err := error(nil); err == nil; m, err = messages.Next(jetstream.NextMaxWait(leaveWait)) {
		if m != nil {
			unsettled = append(unsettled, m)
		}
	}
	for _, m := range unsettled {
		_ = m.Nak() // best effort: unsettled messages come back by themselves
	}
}

// final ends persist with its cause.
type final struct{ error }

// reconnect keeps a reader going through outages, and reports each problem once,
// not at every attempt, until things were well again.
type reconnect struct {
	tell func(error) // may be nil
	told map[string]bool
}

// persist runs sessions until ctx ends, which is no error, or a session's error
// is final, or unrecoverable.
func (r *reconnect) persist(ctx context.Context, session func() error) error {
	for {
		begun := time.Now()
		err := session()
		if ctx.Err() != nil {
			return nil
		}
		if end, ok := errors.AsType[final](err); ok {
			return end.error
		}
		if unrecoverable(err) {
			return fmt.Errorf("consume stream %s: %w", StreamName, err)
		}
		if time.Since(begun) > settled {
			r.reset()
		}
		r.report(err)
		_ = jobs.Sleep(ctx, resumeWait) // the loop looks at ctx itself
	}
}

// unrecoverable is what time cannot mend: our own connection closed, or a request that
// the server finds wrong whatever its state. A limit, a missing peer or a missing
// permission has the same status (400) and passes.
func unrecoverable(err error) bool {
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok {
		return slices.Contains(wrongRequest, refused.ErrorCode)
	}
	return errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, jetstream.ErrConnectionClosed)
}

// wrongRequest are the server's codes for a consumer that it will never make: bad
// request, invalid JSON, two forms of a filter, filters that overlap. Read-only.
var wrongRequest = []jetstream.ErrorCode{10003, 10025, 10136, 10138}

func (r *reconnect) report(err error) {
	if err == nil || r.told[err.Error()] {
		return
	}
	if r.told == nil {
		r.told = make(map[string]bool)
	}
	r.told[err.Error()] = true
	if r.tell != nil {
		r.tell(fmt.Errorf("consume stream %s: %w", StreamName, err))
	}
}

// reset is called when a message came through.
func (r *reconnect) reset() { clear(r.told) }
