// Package quota bounds what the signature of a hook alone may ask for, so that a
// hook secret that has leaked cannot fill the store. It counts in Redis, for all
// processes together.
//
// It never bounds the API token, whose holder may do anything anyway, and it never
// judges a signature.
package quota

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// The bounds. A file of ten thousand members fits twice into an hour.
const (
	HourlyJobs     = 20_000
	DailyStrangers = 100 // organizations without a connection that hooks may name
)

// Their keys, in one slot of a Redis Cluster.
const (
	jobsKey      = "sponsorsync:{hooks}:jobs"
	strangersKey = "sponsorsync:{hooks}:strangers"
)

// Quota counts what signed hooks ask for.
type Quota struct {
	Redis  redis.UniversalClient
	Ledger *state.Ledger
}

// Admit takes a number of jobs for these organizations, or returns
// too_many_requests, with the time until there is room again, or
// connection_missing: nobody has connected the organization, and hooks have named
// too many such ones.
func (q Quota) Admit(ctx context.Context, jobs int, orgs ...sponsorship.ID) (retryAfter time.Duration, err error) {
	if err := q.strangers(ctx, orgs); err != nil {
		return 0, err
	}
	pipe := q.Redis.TxPipeline()
	taken := pipe.IncrBy(ctx, jobsKey, int64(jobs))
	pipe.ExpireNX(ctx, jobsKey, time.Hour)
	left := pipe.TTL(ctx, jobsKey)
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, unavailable(err)
	}
	if taken.Val() <= HourlyJobs {
		return 0, nil
	}
	if err := q.Redis.DecrBy(ctx, jobsKey, int64(jobs)).Err(); err != nil {
		return 0, unavailable(err)
	}
	return max(left.Val(), time.Second), fault.New(fault.TooManyRequests,
		"signed hooks have asked for %d jobs within an hour, which is all that they may; the API token has no such limit", HourlyJobs)
}

// strangers notes organizations that nobody has connected, up to a bound.
func (q Quota) strangers(ctx context.Context, orgs []sponsorship.ID) error {
	slices.Sort(orgs)
	for _, org := range slices.Compact(orgs) {
		known, _, err := q.Ledger.Organization(ctx, org)
		if err != nil {
			return unavailable(err)
		}
		if known.Connected {
			continue
		}
		pipe := q.Redis.TxPipeline()
		added := pipe.SAdd(ctx, strangersKey, string(org))
		pipe.ExpireNX(ctx, strangersKey, 24*time.Hour)
		all := pipe.SCard(ctx, strangersKey)
		if _, err := pipe.Exec(ctx); err != nil {
			return unavailable(err)
		}
		if added.Val() == 0 || all.Val() <= DailyStrangers {
			continue
		}
		if err := q.Redis.SRem(ctx, strangersKey, string(org)).Err(); err != nil {
			return unavailable(err)
		}
		return fault.New(fault.ConnectionMissing,
			"organization %s is not connected, and signed hooks have named %d such organizations today, which is all that they may", org, DailyStrangers)
	}
	return nil
}

func unavailable(err error) error {
	return fault.Unavailable(err, "count what hooks ask for")
}
