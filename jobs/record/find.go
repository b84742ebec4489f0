package record

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Find returns the record of a job, or false if there is none. An id does not tell
// its organization, so all shards are asked, in one round trip.
func (s *Store) Find(ctx context.Context, id string) (Record, bool, error) {
	pipe := s.rdb.Pipeline()
	hashes := make([]*redis.MapStringStringCmd, state.Shards)
	for shard := range state.Shards {
		hashes[shard] = pipe.HGetAll(ctx, recordKey(shard, id))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return Record{}, false, fmt.Errorf("look up the record of job %s: %w", id, err)
	}
	for _, hash := range hashes {
		if r, found := parse(id, hash.Val()); found {
			return r, true, nil
		}
	}
	return Record{}, false, nil
}

// Origin returns who asked for a job of an organization; of a job without a record,
// [origin.Elsewhere].
func (s *Store) Origin(ctx context.Context, org sponsorship.ID, id string) (origin.Origin, error) {
	text, err := s.rdb.HGet(ctx, state.RecordKey(org, id), "origin").Result()
	return origin.Origin(text), wrap(ignoreNil(err), "look up who asked for job %s", id)
}

func recordKey(shard int, id string) string { return state.ShardKey(shard, "record:"+id) }

func ignoreNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
