// Package convoy lets the Redis scripts of many goroutines travel together.
//
// A script that comes alone leaves at once. While some are under way, those that
// come wait, and leave in one pipeline as soon as an answer is back. What a job
// costs most is not its scripts but the system calls around them, on both ends;
// a convoy shares them. Nobody waits longer than for the convoy ahead.
//
// It changes neither results nor errors: a script whose answer was lost on the
// way is repeated alone, under its caller's context, as the client would have
// done. It never takes along anything but EVALSHA, since a blocking read would
// hold up the others. While a script is in a convoy the client's timeouts bound
// it, not its caller's context; callers that rely on a short deadline need
// another client.
package convoy

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// maxUnderWay keeps the line busy while an answer is being read, also when Redis
// is far away.
const maxUnderWay = 2

// Client is a Redis client whose scripts travel together.
type Client struct {
	*redis.Client
	convoys *redis.Client
	hook    *hook
}

// New connects with the first command. Convoys have connections of their own,
// with the same options but without retries: a pipeline that is repeated as a
// whole would also repeat what was answered.
func New(o redis.Options) *Client {
	once := o
	once.MaxRetries = -1
	convoys := redis.NewClient(&once)
	c := &Client{Client: redis.NewClient(&o), convoys: convoys, hook: &hook{convoys: convoys}}
	c.AddHook(c.hook)
	return c
}

// Close closes all connections.
func (c *Client) Close() error { return errors.Join(c.Client.Close(), c.convoys.Close()) }

type hook struct {
	convoys *redis.Client

	mu       sync.Mutex
	underWay int          // convoys
	waiting  []*traveller // none unless maxUnderWay are under way
}

// traveller is a caller that waits, and its command. It hears once: the convoy
// that it is to lead, itself in front; or nil, when its convoy is back.
type traveller struct {
	cmd  redis.Cmder
	news chan []*traveller
	lost bool // no answer came
}

// ProcessHook implements redis.Hook.
func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "evalsha" {
			return next(ctx, cmd)
		}
		me := &traveller{cmd: cmd, news: make(chan []*traveller, 1)}
		switch convoy := h.join(me); len(convoy) {
		case 0: // somebody else has led
		case 1:
			defer h.arrive(nil)
			return next(ctx, cmd)
		default:
			h.send(ctx, convoy)
			h.arrive(convoy[1:])
		}
		if me.lost {
			return next(ctx, cmd)
		}
		return cmd.Err()
	}
}

// join returns the convoy to lead, or nil after somebody else's is back.
func (h *hook) join(me *traveller) []*traveller {
	h.mu.Lock()
	if h.underWay < maxUnderWay {
		h.underWay++
		h.mu.Unlock()
		return []*traveller{me}
	}
	h.waiting = append(h.waiting, me)
	h.mu.Unlock()
	return <-me.news
}

// send makes one exchange of all, and notes who got no answer.
func (h *hook) send(ctx context.Context, convoy []*traveller) {
	ctx = context.WithoutCancel(ctx) // the leader's end is not the others'
	pipe := h.convoys.Pipeline()
	for _, t := range convoy {
		_ = pipe.Process(ctx, t.cmd) // only takes it down
	}
	_, err := pipe.Exec(ctx)
	if err == nil || answer(err) {
		return
	}
	unsent := true // without a connection go-redis fails the pipeline, but no command of it
	for _, t := range convoy {
		unsent = unsent && t.cmd.Err() == nil
	}
	for _, t := range convoy {
		t.lost = unsent || t.cmd.Err() != nil && !answer(t.cmd.Err())
	}
}

// answer reports whether an error came from Redis itself.
func answer(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// arrive lets the next convoy leave, and then tells the others.
func (h *hook) arrive(others []*traveller) {
	h.mu.Lock()
	if len(h.waiting) > 0 {
		h.waiting[0].news <- h.waiting
		h.waiting = nil
	} else {
		h.underWay--
	}
	h.mu.Unlock()
	for _, t := range others {
		t.news <- nil
	}
}

// DialHook implements redis.Hook.
func (h *hook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
