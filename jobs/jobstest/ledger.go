package jobstest

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Ledger puts into the ledger what a worker would have left there, for tests of
// programs that only read it. It announces nothing and wakes nobody.
type Ledger struct{ Redis redis.UniversalClient }

// Put stores sponsorships as they are, in the place of what was there.
func (l Ledger) Put(ctx context.Context, all ...sponsorship.Sponsorship) error {
	for _, s := range all {
		row, err := state.EncodeRow(s)
		if err != nil {
			return err
		}
		pipe := l.Redis.TxPipeline()
		l.seen(ctx, pipe, s.OrganizationID)
		pipe.HSet(ctx, state.Key(s.OrganizationID, "rows"), string(s.UserID), row)
		for _, status := range sponsorship.Statuses() {
			pipe.ZRem(ctx, state.StatusKey(s.OrganizationID, status), string(s.UserID))
		}
		pipe.ZAdd(ctx, state.StatusKey(s.OrganizationID, s.Status), redis.Z{Member: string(s.UserID)})
		if s.Due() {
			pipe.ZAddNX(ctx, state.Key(s.OrganizationID, "due"), redis.Z{Member: string(s.UserID)})
		}
		if s.Over() {
			pipe.ZAdd(ctx, state.ShardKey(state.Shard(s.OrganizationID), "over"), redis.Z{
				Score: float64(max(s.UpdatedAt.UnixMilli(), 0)), Member: string(s.OrganizationID) + ":" + string(s.UserID),
			})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("put sponsorship %s of %s: %w", s.UserID, s.OrganizationID, err)
		}
	}
	return nil
}

// Start is a first sync that was asked for by hand.
func (l Ledger) Start(ctx context.Context, org sponsorship.ID) error {
	return l.set(ctx, org, "started", 1)
}

// Sync is a full sync that succeeded.
func (l Ledger) Sync(ctx context.Context, org sponsorship.ID, at, next time.Time) error {
	return l.set(ctx, org, "started", 1, "lastSyncAt", at.UnixMilli(), "nextSyncAt", next.UnixMilli())
}

// Failure is a sync that failed.
type Failure struct {
	Fault       *fault.Error
	At, RetryAt time.Time
	Paused      bool // no automatic attempt until a person acts
}

// Fail is a first failure of an organization's syncs.
func (l Ledger) Fail(ctx context.Context, org sponsorship.ID, f Failure) error {
	fields := []any{
		"errorCode", string(f.Fault.Code), "errorMessage", f.Fault.Message, "errorAt", f.At.UnixMilli(),
		"retryAt", f.RetryAt.UnixMilli(), "failures", 1,
	}
	if f.Paused {
		fields = append(fields, "paused", string(f.Fault.Code))
	}
	return l.set(ctx, org, fields...)
}

// TakenFromVault is a connection that the bridge took from the server's own database.
func (l Ledger) TakenFromVault(ctx context.Context, org sponsorship.ID) error {
	return l.set(ctx, org, "vault", 1)
}

// Advance lets time go by in the ledger.
func (l Ledger) Advance(ctx context.Context, d time.Duration) error {
	for shard := range state.Shards {
		clock := state.ShardKey(shard, "clock")
		moved := []string{"offset"}
		if l.Redis.HExists(ctx, clock, "last").Val() { // a later look is no jump then
			moved = append(moved, "last")
		}
		for _, field := range moved {
			if err := l.Redis.HIncrBy(ctx, clock, field, d.Milliseconds()).Err(); err != nil {
				return fmt.Errorf("let time go by: %w", err)
			}
		}
	}
	return nil
}

// Held shows the organization as held by a bridge that works, in mode read.
func (l Ledger) Held(ctx context.Context, org sponsorship.ID, looked time.Time, holds ...state.Hold) error {
	shown, err := state.EncodeBridge(state.Bridge{Looked: looked, Held: holds})
	if err != nil {
		return err
	}
	pipe := l.Redis.Pipeline()
	pipe.HSet(ctx, state.BridgeKey(org), "shown", shown)
	pipe.HSet(ctx, state.BridgeShownKey, "mode", "read")
	pipe.Set(ctx, state.BridgeLeaseKey, "held", time.Hour)
	l.seen(ctx, pipe, org)
	_, err = pipe.Exec(ctx)
	return err
}

func (l Ledger) set(ctx context.Context, org sponsorship.ID, fields ...any) error {
	pipe := l.Redis.TxPipeline()
	l.seen(ctx, pipe, org)
	pipe.HSet(ctx, state.Key(org, ""), fields...)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("change organization %s: %w", org, err)
	}
	return nil
}

func (l Ledger) seen(ctx context.Context, pipe redis.Pipeliner, org sponsorship.ID) {
	pipe.ZAdd(ctx, state.ShardKey(state.Shard(org), "orgs"), redis.Z{Member: string(org)})
}
