package record

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// page is how many dead jobs are read at once.
const page = 100

// Bury writes down how a job died, before the queue gives it up. Organization and
// User may be empty when the arguments cannot be read; a record that has them keeps
// them.
func (s *Store) Bury(ctx context.Context, r Record) error {
	if r.Organization == "" {
		stamped, _, err := s.Find(ctx, r.ID)
		if err != nil {
			return err
		}
		r.Organization, r.User = stamped.Organization, stamped.User
	}
	shard := state.Shard(r.Organization)
	keys := append(state.Keys(r.Organization, ""), state.OrderKey(r.Organization, r.User),
		state.RecordKey(r.Organization, r.ID), deadKey(shard), keptKey(shard))
	enqueuedAt := int64(0)
	if !r.EnqueuedAt.IsZero() {
		enqueuedAt = r.EnqueuedAt.UnixMilli()
	}
	err := s.bury.Run(ctx, s.rdb, keys, r.ID, string(r.Kind), string(r.Organization), string(r.User), r.Attempts,
		string(r.Reason.Code), r.Reason.Message, r.Args, enqueuedAt).Err()
	if err != nil {
		return fmt.Errorf("write down that job %s is dead: %w", r.ID, err)
	}
	return nil
}

// Dead iterates over the dead jobs, those of a shard from the longest dead to the
// latest. It reads in pages, so a job may be missed while others are being
// deleted. It ends with the first error.
func (s *Store) Dead(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for shard := range state.Shards {
			for from := int64(0); ; from += page {
				records, err := s.endedOf(ctx, shard, deadKey(shard), from)
				if err != nil {
					yield(Record{}, err)
					return
				}
				for _, r := range records {
					if !yield(r, nil) {
						return
					}
				}
				if len(records) == 0 {
					break
				}
			}
		}
	}
}

func (s *Store) endedOf(ctx context.Context, shard int, key string, from int64) ([]Record, error) {
	ids, err := s.rdb.ZRange(ctx, key, from, from+page-1).Result()
	if err != nil || len(ids) == 0 {
		return nil, wrap(err, "list dead jobs")
	}
	pipe := s.rdb.Pipeline()
	hashes := make([]*redis.MapStringStringCmd, len(ids))
	for i, id := range ids {
		hashes[i] = pipe.HGetAll(ctx, recordKey(shard, id))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, wrap(err, "list dead jobs")
	}
	records := make([]Record, len(ids))
	for i, hash := range hashes {
		records[i], _ = parse(ids[i], hash.Val())
	}
	return records, nil
}

// Delete drops the record of a job, and its place if it has one.
func (s *Store) Delete(ctx context.Context, r Record) error {
	shard := state.Shard(r.Organization)
	pipe := s.rdb.TxPipeline()
	pipe.LRem(ctx, state.OrderKey(r.Organization, r.User), 0, r.ID)
	pipe.ZRem(ctx, deadKey(shard), r.ID)
	pipe.ZRem(ctx, refusedKey(shard), r.ID)
	pipe.ZRem(ctx, keptKey(shard), r.ID)
	pipe.Del(ctx, recordKey(shard, r.ID))
	_, err := pipe.Exec(ctx)
	return wrap(err, "delete the record of job %s", r.ID)
}

// Replaced notes, for a time, that a job that was deleted runs again under another
// id: whoever asks for it again has it carried out already.
func (s *Store) Replaced(ctx context.Context, r Record, id string, life time.Duration) error {
	key := state.RecordKey(r.Organization, r.ID)
	pipe := s.rdb.TxPipeline()
	pipe.HSet(ctx, key, "replaced", id)
	pipe.PExpire(ctx, key, life)
	_, err := pipe.Exec(ctx)
	return wrap(err, "note that job %s runs again", r.ID)
}

// Count returns how many records of dead and of refused jobs are kept.
func (s *Store) Count(ctx context.Context) (dead, refused int64, err error) {
	pipe := s.rdb.Pipeline()
	var deads, refusals [state.Shards]*redis.IntCmd
	for shard := range state.Shards {
		deads[shard], refusals[shard] = pipe.ZCard(ctx, deadKey(shard)), pipe.ZCard(ctx, refusedKey(shard))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, 0, wrap(err, "count dead jobs")
	}
	for shard := range state.Shards {
		dead += deads[shard].Val()
		refused += refusals[shard].Val()
	}
	return dead, refused, nil
}

// Trim drops the records of jobs that ended before a time, and returns how many.
// Call it with [Life].
func (s *Store) Trim(ctx context.Context, before time.Time) (dropped int, err error) {
	for shard := range state.Shards {
		for _, ended := range []string{deadKey(shard), refusedKey(shard)} {
			n, err := s.each(ctx, s.trim, shard, before, ended, keptKey(shard))
			dropped += n
			if err != nil {
				return dropped, wrap(err, "drop old records of jobs")
			}
		}
	}
	return dropped, nil
}

// Forget drops the arguments of jobs that died before a time, and returns how
// many; how and when they died stays. Such a job cannot run again.
func (s *Store) Forget(ctx context.Context, before time.Time) (forgotten int, err error) {
	for shard := range state.Shards {
		n, err := s.each(ctx, s.forgotten, shard, before, keptKey(shard))
		forgotten += n
		if err != nil {
			return forgotten, wrap(err, "forget the arguments of dead jobs")
		}
	}
	return forgotten, nil
}

// each runs a script that drops a few at a time until nothing is left to drop.
func (s *Store) each(ctx context.Context, script *redis.Script, shard int, before time.Time, keys ...string) (total int, err error) {
	for {
		n, err := script.Run(ctx, s.rdb, keys, before.UnixMilli(), scriptJobs, recordKey(shard, "")).Int()
		total += n
		if err != nil || n < scriptJobs {
			return total, err
		}
	}
}

func deadKey(shard int) string    { return state.ShardKey(shard, "dead") }
func refusedKey(shard int) string { return state.ShardKey(shard, "refused") }
func keptKey(shard int) string    { return state.ShardKey(shard, "dead:args") }

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
