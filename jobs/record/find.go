package record

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

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

func recordKey(shard int, id string) string { return state.ShardKey(shard, "record:"+id) }

func ignoreNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
