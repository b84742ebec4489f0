package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Pulse returns, for each organization, a text that is another one once the cloud has
// answered, or a worker has changed the status of a sponsorship. It is cheap, and a
// hint only: a change may leave it as it was, and it may change without one.
func (l *Ledger) Pulse(ctx context.Context, orgs ...sponsorship.ID) (map[sponsorship.ID]string, error) {
	if len(orgs) == 0 {
		return nil, nil
	}
	pipe := l.rdb.Pipeline()
	fields := make([]*redis.SliceCmd, len(orgs))
	counts := make([][]*redis.IntCmd, len(orgs))
	for i, org := range orgs {
		fields[i] = pipe.HMGet(ctx, Key(org, ""), "generation", "lastSyncAt", "errorCode")
		counts[i] = append(counts[i], pipe.HLen(ctx, Key(org, "inflight")))
		for _, s := range sponsorship.Statuses() {
			counts[i] = append(counts[i], pipe.ZCard(ctx, StatusKey(org, s)))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("ask whether sponsorships have changed: %w", err)
	}
	pulses := map[sponsorship.ID]string{}
	for i, org := range orgs {
		text := fmt.Sprint(fields[i].Val())
		for _, n := range counts[i] {
			text += fmt.Sprint(" ", n.Val())
		}
		pulses[org] = text
	}
	return pulses, nil
}
