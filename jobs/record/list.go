package record

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Ref names a job whose organization is known.
type Ref struct {
	Organization sponsorship.ID
	ID           string
}

// States returns how far the jobs are by their records, in their order; "" without one.
func (s *Store) States(ctx context.Context, refs []Ref) ([]State, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	pipe := s.rdb.Pipeline()
	found := make([]*redis.StringCmd, len(refs))
	for i, r := range refs {
		found[i] = pipe.HGet(ctx, state.RecordKey(r.Organization, r.ID), "state")
	}
	if _, err := pipe.Exec(ctx); ignoreNil(err) != nil {
		return nil, wrap(err, "look up the records of %d jobs", len(refs))
	}
	states := make([]State, len(refs))
	for i, f := range found {
		states[i] = State(f.Val())
	}
	return states, nil
}

// Ended returns a chunk of the jobs of a shard that are dead or were refused, a hundred
// at a time, those that ended first in front.
func (s *Store) Ended(ctx context.Context, shard int, ended State, chunk int) ([]Record, error) {
	key := deadKey(shard)
	if ended == Refused {
		key = refusedKey(shard)
	}
	return s.endedOf(ctx, shard, key, int64(chunk)*page)
}
