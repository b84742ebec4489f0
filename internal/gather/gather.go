// Package gather lets callers that come at the same time share one call.
//
// A caller that comes alone is served at once. While calls are under way those that come
// wait, and share the next one: nobody waits longer than for the calls ahead. A call is
// under way for as long as anybody waits for it, whosever idea it was; each caller
// keeps to the end of its own context.
package gather

import (
	"context"
	"sync"
)

// maxInFlight keeps the other side busy while an answer is being read.
const maxInFlight = 2

// Calls gathers callers. It is safe for concurrent use.
type Calls[In, Out any] struct {
	do func(context.Context, []In) []Out

	mu       sync.Mutex
	inFlight int
	next     *call[In, Out] // nil unless maxInFlight are in flight
}

// call is one call of do, and who waits for it.
type call[In, Out any] struct {
	ctx     context.Context
	cancel  context.CancelFunc
	ins     []In
	outs    []Out
	done    chan struct{}
	waiting int
}

// New returns what calls do with the arguments of many, and answers each with the result
// at its argument's place.
func New[In, Out any](do func(context.Context, []In) []Out) *Calls[In, Out] {
	return &Calls[In, Out]{do: do}
}

// Do returns in's result, or the context's error when that ends before.
func (c *Calls[In, Out]) Do(ctx context.Context, in In) (out Out, err error) {
	own, place := c.join(ctx, in)
	select {
	case <-own.done:
		return own.outs[place], nil
	case <-ctx.Done():
		c.leave(own)
		return out, context.Cause(ctx)
	}
}

func (c *Calls[In, Out]) join(ctx context.Context, in In) (own *call[In, Out], place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = &call[In, Out]{done: make(chan struct{})}
		c.next.ctx, c.next.cancel = context.WithCancel(context.WithoutCancel(ctx))
	}
	own = c.next
	own.ins = append(own.ins, in)
	own.waiting++
	if c.inFlight < maxInFlight {
		c.inFlight++
		c.next = nil
		go c.run(own)
	}
	return own, len(own.ins) - 1
}

// run makes a call, and those that have gathered meanwhile.
func (c *Calls[In, Out]) run(own *call[In, Out]) {
	for own != nil {
		own.outs = c.do(own.ctx, own.ins)
		own.cancel()
		close(own.done)
		c.mu.Lock()
		own, c.next = c.next, nil
		if own == nil {
			c.inFlight--
		}
		c.mu.Unlock()
	}
}

func (c *Calls[In, Out]) leave(own *call[In, Out]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if own.waiting--; own.waiting == 0 {
		own.cancel()
	}
}
