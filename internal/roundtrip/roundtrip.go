// Package roundtrip runs several Redis scripts in one round trip.
//
// Each gets its own reply or error: that of one that failed is not the others'. A script
// that Redis has forgotten is sent again in full, alone, and so perhaps after those behind
// it: scripts that rest on each other belong into different round trips.
package roundtrip

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Call is a script with what it is called with.
type Call struct {
	Script *redis.Script
	Keys   []string
	Args   []any
}

// Run returns the replies in the order of the calls.
func Run(ctx context.Context, rdb redis.UniversalClient, calls []Call) []*redis.Cmd {
	replies := make([]*redis.Cmd, len(calls))
	if len(calls) == 1 {
		replies[0] = calls[0].Script.Run(ctx, rdb, calls[0].Keys, calls[0].Args...)
		return replies
	}
	pipe := rdb.Pipeline()
	for i, c := range calls {
		replies[i] = c.Script.EvalSha(ctx, pipe, c.Keys, c.Args...)
	}
	_, failed := pipe.Exec(ctx)
	for i, c := range calls {
		switch {
		case redis.HasErrorPrefix(replies[i].Err(), "NOSCRIPT"):
			replies[i] = c.Script.Run(ctx, rdb, c.Keys, c.Args...)
		case replies[i].Err() == nil && replies[i].Val() == nil: // go-redis names no command when it reaches nobody
			replies[i].SetErr(failed)
		}
	}
	return replies
}
