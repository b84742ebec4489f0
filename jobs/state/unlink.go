package state

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// unlinkPasses bounds how often Unlink begins again because a sponsorship was being
// changed.
const unlinkPasses = 10

// Unlink says that the vault has no row of these sponsorships any more: whoever asks may
// redeem and change them again. Only the bridge can say so; from anybody else it is an
// error. Those that the vault does not manage are left alone.
func (l *Ledger) Unlink(ctx context.Context, org sponsorship.ID, keys ...sponsorship.ID) error {
	if !origin.Of(ctx).Vault() {
		return fmt.Errorf("unlink sponsorships of %s from the vault: only the bridge knows what the vault has", org)
	}
	for page := range slices.Chunk(keys, ScriptRows) {
		if err := l.unlink(ctx, org, page); err != nil {
			return fmt.Errorf("unlink %d sponsorships of %s from the vault: %w", len(page), org, err)
		}
	}
	return nil
}

func (l *Ledger) unlink(ctx context.Context, org sponsorship.ID, keys []sponsorship.ID) error {
	for range unlinkPasses {
		args, err := l.unlinked(ctx, org, keys)
		if err != nil || len(args) == 1 {
			return err
		}
		if err := l.scripts.unlink.Run(ctx, l.rdb, Keys(org, ""), args...).Err(); err != nil {
			return err
		}
	}
	return errors.New("they are being changed by too many others at once")
}

// unlinked are the arguments of unlink.lua for those that the vault still manages.
func (l *Ledger) unlinked(ctx context.Context, org sponsorship.ID, keys []sponsorship.ID) ([]any, error) {
	floor, err := l.rdb.HGet(ctx, ShardKey(Shard(org), "clock"), "floor").Uint64()
	if err != nil && !errors.Is(err, redis.Nil) { // of a store without a clock the script makes one
		return nil, err
	}
	rows, err := l.Get(ctx, org, keys...)
	if err != nil {
		return nil, err
	}
	encode, err := l.Encoder(ctx)
	if err != nil {
		return nil, err
	}
	args := []any{floor}
	for _, s := range rows {
		if !s.Vault {
			continue
		}
		next := sponsorship.Unmanaged(s)
		next.Revision = max(s.Revision, floor) + 1
		row, err := encode(next)
		if err != nil {
			return nil, err
		}
		args = append(args, string(s.UserID), s.Revision, row)
	}
	return args, nil
}
