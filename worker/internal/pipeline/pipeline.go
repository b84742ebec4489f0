// Package pipeline sends the Redis scripts of many goroutines in shared round trips.
//
// A script that comes alone is sent at once. While some are in flight, those that
// come wait, and are sent in one pipeline as soon as a reply is back. What a job
// costs most is not its scripts but the system calls around them, on both ends;
// a batch shares them. Nobody waits longer than for the batch ahead.
//
// It changes neither results nor errors: a script whose reply was lost on the
// way, or that met a Redis that is not ready, is repeated alone, under its caller's
// context, as the client would have done. It never batches anything but EVALSHA, since a blocking read would hold
// up the others. While a script is in a batch the client's timeouts bound it, not
// its caller's context; callers that rely on a short deadline need another client.
//
// go-redis has an AutoPipeline of its own since v9.23, marked experimental: and
// that version adds 5 MB to the binary. Once it is stable it may take this
// package's place.
package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// maxInFlight keeps the line busy while a reply is being read, also when Redis
// is far away.
const maxInFlight = 2

// Client is a Redis client whose scripts share round trips.
type Client struct {
	redis.UniversalClient
	batches redis.UniversalClient
	hook    *hook
}

// New takes both clients over. Batches have connections of their own, to the same
// place but without retries: a pipeline that is repeated as a whole would also repeat
// what was answered.
func New(alone, batches redis.UniversalClient) *Client {
	c := &Client{UniversalClient: alone, batches: batches, hook: &hook{batches: batches}}
	c.AddHook(c.hook)
	return c
}

// Close closes all connections.
func (c *Client) Close() error { return errors.Join(c.UniversalClient.Close(), c.batches.Close()) }

type hook struct {
	batches redis.UniversalClient

	mu       sync.Mutex
	inFlight int     // batches
	waiting  []*call // none unless maxInFlight are in flight
}

// call is a caller that waits, and its command. It is told once: the batch that
// it is to send, itself in front; or nil, when somebody else has sent it.
type call struct {
	cmd  redis.Cmder
	next chan []*call
	lost bool // no reply to it came
}

// ProcessHook implements redis.Hook.
func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "evalsha" {
			return next(ctx, cmd)
		}
		own := &call{cmd: cmd, next: make(chan []*call, 1)}
		switch batch := h.join(own); len(batch) {
		case 0: // somebody else has sent it
		case 1:
			defer h.done(nil)
			return next(ctx, cmd)
		default:
			h.send(ctx, batch)
			h.done(batch[1:])
		}
		if own.lost {
			return next(ctx, cmd)
		}
		return cmd.Err()
	}
}

// join returns the batch to send, or nil after somebody else has sent it.
func (h *hook) join(own *call) []*call {
	h.mu.Lock()
	if h.inFlight < maxInFlight {
		h.inFlight++
		h.mu.Unlock()
		return []*call{own}
	}
	h.waiting = append(h.waiting, own)
	h.mu.Unlock()
	return <-own.next
}

// send makes one round trip for all, and notes who got no reply.
func (h *hook) send(ctx context.Context, batch []*call) {
	ctx = context.WithoutCancel(ctx) // the sender's end is not the others'
	pipe := h.batches.Pipeline()
	for _, c := range batch {
		_ = pipe.Process(ctx, c.cmd) // only queues it
	}
	if _, err := pipe.Exec(ctx); err == nil {
		return
	}
	unsent := true // without a connection go-redis fails the pipeline, but no command of it
	for _, c := range batch {
		unsent = unsent && c.cmd.Err() == nil
	}
	for _, c := range batch {
		c.lost = unsent || c.cmd.Err() != nil && !isReply(c.cmd.Err())
	}
}

// isReply reports whether an error is what Redis itself says of the script. That it
// is not ready is none: then the script did not run, and the client asks again.
func isReply(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok && !slices.ContainsFunc(notReady(), func(prefix string) bool { return redis.HasErrorPrefix(err, prefix) })
}

// notReady are the errors upon which go-redis asks again, the last two elsewhere.
func notReady() []string {
	return []string{"LOADING ", "READONLY ", "NOREPLICAS ", "MASTERDOWN ", "CLUSTERDOWN ", "TRYAGAIN ", "max number of clients reached", "MOVED ", "ASK "}
}

// done lets the next batch go, and then tells the others of this one.
func (h *hook) done(others []*call) {
	h.mu.Lock()
	if len(h.waiting) > 0 {
		h.waiting[0].next <- h.waiting
		h.waiting = nil
	} else {
		h.inFlight--
	}
	h.mu.Unlock()
	for _, c := range others {
		c.next <- nil
	}
}

// DialHook implements redis.Hook.
func (h *hook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
