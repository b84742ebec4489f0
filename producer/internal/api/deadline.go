package api

import (
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// CommandTimeout is how long one command may take, tries included. The contract
// promises to say that Redis is away within two seconds.
const CommandTimeout = 1500 * time.Millisecond

// Bound makes every command of a client end within [CommandTimeout]. A request as a
// whole has no such limit: a batch of a thousand jobs may take its time as long
// as Redis answers, and ends with the first command that it does not answer.
// The client must have ContextTimeoutEnabled.
func Bound(rdb redis.UniversalClient) { rdb.AddHook(bound{}) }

type bound struct{}

// DialHook implements redis.Hook; dialing is part of the command that needs it.
func (bound) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (bound) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, cancel := context.WithTimeout(ctx, CommandTimeout)
		defer cancel()
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (bound) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, cancel := context.WithTimeout(ctx, CommandTimeout)
		defer cancel()
		return next(ctx, cmds)
	}
}
