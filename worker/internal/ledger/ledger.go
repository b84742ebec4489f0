// Package ledger is the write side of the ledger in Redis: what a job asked for,
// the hold of one sync on one organization, the outcome of a license sync, the
// outbox of events, and what a sweep looks for. Reading is package state, which
// everybody may import; this one only the worker can.
//
// Every change is one Lua script (lua/*.lua), so that a record, the indexes that
// find it and the event that announces it are stored together or not at all.
// Records are changed by compare-and-set on their revision.
//
// The package never decides what becomes of a sponsorship, never calls the cloud,
// and does not know what an event means.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/gather"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Ledger reads and changes the records in Redis. It is safe for concurrent use.
type Ledger struct {
	*state.Ledger
	rdb     redis.UniversalClient
	scripts scripts
	clocks  *clocks
	memory  *memory
	accepts *gather.Calls[acceptance, verdict]
}

// New returns a ledger on the client, which stays the caller's to close. It takes no
// older worker to live beside: who knows better sets Older.
func New(rdb redis.UniversalClient, sealer *state.Sealer) *Ledger {
	stored := state.New(rdb, sealer)
	stored.Older = func() bool { return false }
	return (&Ledger{Ledger: stored, scripts: newScripts(), clocks: &clocks{}, memory: &memory{}}).Through(rdb)
}

// Through is the same ledger on another client.
func (l *Ledger) Through(rdb redis.UniversalClient) *Ledger {
	through := *l
	through.rdb, through.accepts = rdb, gather.New(through.acceptAll)
	return &through
}

// Get is [state.Ledger.Get] with the revisions that a write must name.
func (l *Ledger) Get(ctx context.Context, org sponsorship.ID, ids ...sponsorship.ID) ([]sponsorship.Sponsorship, error) {
	all, err := l.Ledger.Get(ctx, org, ids...)
	for i := range all {
		all[i] = l.raised(all[i])
	}
	return all, err
}

// List is [state.Ledger.List] with the revisions that a write must name.
func (l *Ledger) List(ctx context.Context, org sponsorship.ID, p state.Page) ([]sponsorship.Sponsorship, string, error) {
	all, next, err := l.Ledger.List(ctx, org, p)
	for i := range all {
		all[i] = l.raised(all[i])
	}
	return all, next, err
}

// Lift ends a pause with the given code, whose cause may be mended by now, and
// returns whether there was one.
func (l *Ledger) Lift(ctx context.Context, org sponsorship.ID, code fault.Code) (bool, error) {
	n, err := l.scripts.lift.Run(ctx, l.rdb, state.Keys(org, ""), string(code)).Int()
	return n == 1, wrap(err, "end the pause of %s", org)
}

// store runs write.lua and returns which rows were still at their revision.
// The error is ErrLeaseLost when the lease is no longer the given token's.
func (l *Ledger) store(ctx context.Context, org sponsorship.ID, lease leaseArgs, writes []Write) ([]bool, error) {
	args := make([]any, 0, 4+8*len(writes)+len(lease.ended.Rows))
	args = append(args, lease.token, lease.life.Milliseconds(), lease.ended.Request, len(writes))
	for _, w := range writes {
		row, err := l.args(ctx, w)
		if err != nil {
			return nil, err
		}
		args = append(args, row...)
	}
	for _, id := range lease.ended.Rows {
		args = append(args, string(id))
	}
	result, err := l.scripts.write.Run(ctx, l.rdb, state.Keys(org, ""), args...).Int64Slice()
	if errors.Is(err, redis.Nil) {
		return nil, ErrLeaseLost
	}
	if err != nil {
		return nil, fmt.Errorf("store %d sponsorships of %s: %w", len(writes), org, err)
	}
	l.clocks.learn(state.Shard(org), result[0], result[1])
	stored := make([]bool, len(writes))
	for i, r := range result[2:] {
		stored[i] = r == 1
	}
	return stored, nil
}

// leaseArgs are the head of write.lua's arguments; no token is no check.
type leaseArgs struct {
	token string
	life  time.Duration
	ended Ended
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
