package state

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// OutboxLimit is how many events may wait in a shard's outbox. At 700 bytes each,
// that is 140 MB of Redis' memory per shard, and less than four syncs of the
// largest organizations with NATS away. It is not exact: what the cloud has
// answered is stored, with its events, in any case.
const OutboxLimit = 200_000

// OutboxNear is the part of the limit from which on it is told.
const OutboxNear = 0.8

// OutboxLength returns how many events wait to be published, in all shards.
func (l *Ledger) OutboxLength(ctx context.Context) (int64, error) {
	lengths, err := outboxLengths(ctx, l.rdb, allShards())
	total := int64(0)
	for _, n := range lengths {
		total += n
	}
	return total, err
}

// OutboxFill returns how full the fullest shard's outbox is: 1 is at its limit.
func (l *Ledger) OutboxFill(ctx context.Context) (float64, error) {
	lengths, err := outboxLengths(ctx, l.rdb, allShards())
	most := int64(0)
	for _, n := range lengths {
		most = max(most, n)
	}
	return float64(most) / float64(l.OutboxLimit), err
}

// OutboxFull is what comes of a full outbox.
const OutboxFull = "no new jobs are taken, and no sync begins"

// OutboxWord says how full the outbox is, where that matters.
func OutboxWord(fill float64) string { return FillWord(fill, OutboxNear, OutboxFull) }

// FillWord says how full something is that takes no more when it is full, and what comes
// of that; "ok" where it is not near.
func FillWord(fill, near float64, full string) string {
	switch {
	case fill >= 1:
		return "full: " + full
	case fill >= near:
		return fmt.Sprintf("%.0f %% full; at 100 %% %s", 100*fill, full)
	}
	return "ok"
}

// OutboxRoom returns how many events of an organization may still be stored; it
// may be negative.
func (l *Ledger) OutboxRoom(ctx context.Context, org sponsorship.ID) (int64, error) {
	lengths, err := outboxLengths(ctx, l.rdb, []int{Shard(org)})
	if err != nil {
		return 0, err
	}
	return l.OutboxLimit - lengths[0], nil
}

// Admit refuses new jobs of organizations whose events would not fit, with the
// fault store_full.
func (l *Ledger) Admit(ctx context.Context, orgs ...sponsorship.ID) error {
	seen, shards := [Shards]bool{}, []int(nil)
	for _, org := range orgs {
		if shard := Shard(org); !seen[shard] {
			seen[shard], shards = true, append(shards, shard)
		}
	}
	lengths, err := outboxLengths(ctx, l.rdb, shards)
	if err != nil {
		return fault.Wrap(fault.QueueUnavailable, err, "look for room in the outbox: Redis does not answer")
	}
	for _, n := range lengths {
		if n >= l.OutboxLimit {
			return fault.New(fault.StoreFull, "%d events wait for NATS, and no more are taken", n)
		}
	}
	return nil
}

func allShards() []int {
	all := make([]int, Shards)
	for i := range all {
		all[i] = i
	}
	return all
}

func outboxLengths(ctx context.Context, rdb redis.UniversalClient, shards []int) ([]int64, error) {
	pipe := rdb.Pipeline()
	replies := make([]*redis.IntCmd, len(shards))
	for i, shard := range shards {
		replies[i] = pipe.XLen(ctx, ShardKey(shard, "outbox"))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("measure outbox: %w", err)
	}
	lengths := make([]int64, len(shards))
	for i, n := range replies {
		lengths[i] = n.Val()
	}
	return lengths, nil
}
