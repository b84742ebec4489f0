package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/record"
)

// DeadRetention is how long dead jobs should be kept for somebody to look at.
const DeadRetention = 30 * 24 * time.Hour

// trimBatch keeps a script short.
const trimBatch = 500

// trimScript removes what is dated before ARGV[1], at most ARGV[2], and returns how
// many there were. Jobs are at ARGV[3] followed by the id, in the same slot.
const trimScript = `
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
	redis.call('ZREM', KEYS[1], id)
	redis.call('DEL', ARGV[3] .. id)
end
return #ids`

// Trim forgets jobs of a queue that died before a time, and returns how many.
//
// asynq trims by itself after 90 days, but all at once: with some eight
// thousand due it fails half-way and ruins the job that is just dying. Called
// now and then with [DeadRetention] it never comes to that.
func Trim(ctx context.Context, rdb redis.UniversalClient, q jobs.Queue, before time.Time) (trimmed int, err error) {
	return trim(ctx, rdb, trimming{q, "archived", before})
}

// trimming says which of a queue's sets of ended jobs loses what is dated before.
type trimming struct {
	queue  jobs.Queue
	set    string
	before time.Time
}

func trim(ctx context.Context, rdb redis.UniversalClient, t trimming) (trimmed int, err error) {
	script := redis.NewScript(trimScript)
	for {
		n, err := script.Run(ctx, rdb, []string{enqueue.QueueKey(t.queue, t.set)}, t.before.Unix(), trimBatch, enqueue.QueueKey(t.queue, "t:")).Int()
		trimmed += n
		if err != nil {
			return trimmed, fmt.Errorf("trim the %s jobs of %s: %w", t.set, t.queue, err)
		}
		if n < trimBatch {
			return trimmed, nil
		}
	}
}

// Trimmer returns a function that forgets what dead jobs were about after
// [DeadRetention], and that and how they died after [record.Life]. The time is the
// ledger's: by a clock that is ahead it would forget too much.
func Trimmer(rdb redis.UniversalClient, now func() time.Time, log zerolog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		records := record.New(rdb)
		if _, err := records.Forget(ctx, now().Add(-DeadRetention)); err != nil {
			return err
		}
		if _, err := records.Trim(ctx, now().Add(-record.Life)); err != nil {
			return err
		}
		for _, q := range jobs.Queues() {
			n, err := Trim(ctx, rdb, q, now().Add(-DeadRetention))
			if err != nil {
				return err
			}
			if n > 0 {
				log.Info().Str("queue", string(q)).Int("jobs", n).Msg("forgot jobs that have been dead for 30 days")
			}
		}
		return nil
	}
}
