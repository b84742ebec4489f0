// Package crash kills a program at a chosen command to Redis, for tests: from that
// command on Redis answers nothing, so that also the writes are lost by which a program
// would clean up. The command itself is carried out, and nobody learns of it.
//
// It is for tests: no program may link it.
package crash

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Err is what a killed process would not live to see.
var Err = errors.New("crashed")

// Hook makes one client's Redis go away; see redis.Client's AddHook. The zero value does
// nothing until it is told to.
type Hook struct {
	armed   atomic.Bool
	left    atomic.Int64 // commands that still work
	reached atomic.Bool
}

// After lets n more commands work, and one more whose answer is lost.
func (h *Hook) After(n int) {
	h.left.Store(int64(n))
	h.reached.Store(false)
	h.armed.Store(true)
}

// Disarm brings Redis back and reports whether it had gone.
func (h *Hook) Disarm() bool {
	h.armed.Store(false)
	return h.reached.Swap(false)
}

// Armed reports whether Redis is gone, or will be.
func (h *Hook) Armed() bool { return h.armed.Load() }

// Spare runs do without counting its commands.
func (h *Hook) Spare(do func() error) error {
	armed := h.armed.Swap(false)
	defer h.armed.Store(armed)
	return do()
}

// DialHook implements redis.Hook.
func (h *Hook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (h *Hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !h.armed.Load() {
			return next(ctx, cmd)
		}
		switch left := h.left.Add(-1); {
		case left < -1:
			cmd.SetErr(Err)
			return Err
		case left == -1:
			h.reached.Store(true)
			_ = next(ctx, cmd)
			cmd.SetErr(Err)
			return Err
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook. A pipeline is carried out as a whole, or not at all.
func (h *Hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !h.armed.Load() || h.left.Load() > 0 {
			return next(ctx, cmds)
		}
		h.reached.Store(true)
		for _, cmd := range cmds {
			cmd.SetErr(Err)
		}
		return Err
	}
}
