package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

const (
	// straysEvery is how many looks pass between two for jobs that are in no list:
	// those read the names of all jobs.
	straysEvery = 12
	// straysPage is how many names are read at once.
	straysPage = 500
	// straysMost is how long a queue may be for such a look: one that is longer is
	// read when it has become shorter.
	straysMost = 100_000
)

// strayScript puts a job that is in no list to the end of the queue. KEYS are the
// job, the queue, active jobs, then the four sets.
const strayScript = `
if redis.call('HEXISTS', KEYS[1], 'msg') == 0 then return 0 end
for i = 2, 3 do
	if redis.call('LPOS', KEYS[i], ARGV[1]) then return 0 end
end
for i = 4, 7 do
	if redis.call('ZSCORE', KEYS[i], ARGV[1]) then return 0 end
end
redis.call('HSET', KEYS[1], 'state', 'pending')
redis.call('LPUSH', KEYS[2], ARGV[1])
return 1`

// strays are jobs that were in no list when somebody last looked.
type strays map[string]bool

// rescueStrays puts jobs back that are in no list at all, which asynq never does,
// if they were so the time before, too. It returns those that it saw for the first
// time.
func (s *Server) rescueStrays(ctx context.Context, before strays) (strays, error) {
	waiting, err := s.waiting(ctx)
	if err != nil || len(waiting) > straysMost {
		return before, err
	}
	found, prefix := strays{}, s.key("t:")
	var page []string
	names := s.p.Redis.Scan(ctx, 0, prefix+"*", straysPage).Iterator()
	for names.Next(ctx) {
		if id := strings.TrimPrefix(names.Val(), prefix); !waiting[id] {
			page = append(page, id)
		}
	}
	if err := names.Err(); err != nil {
		return before, fmt.Errorf("list all jobs of a queue: %w", err)
	}
	for part := range slices.Chunk(page, straysPage) {
		if err := s.notInSets(ctx, part, found); err != nil {
			return before, err
		}
	}
	for id := range found {
		if !before[id] {
			continue
		}
		delete(found, id)
		if err := s.rescueStray(ctx, id); err != nil {
			return found, err
		}
	}
	return found, nil
}

// waiting returns the jobs that wait for their turn or run.
func (s *Server) waiting(ctx context.Context) (map[string]bool, error) {
	pipe := s.p.Redis.Pipeline()
	pending := pipe.LRange(ctx, s.key("pending"), 0, straysMost)
	active := pipe.LRange(ctx, s.key("active"), 0, -1)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("list the jobs of a queue: %w", err)
	}
	all := map[string]bool{}
	for _, id := range append(pending.Val(), active.Val()...) {
		all[id] = true
	}
	return all, nil
}

// sets are where a job can be that neither waits for its turn nor runs.
func sets() []string { return []string{"scheduled", "retry", "archived", "completed"} }

func (s *Server) notInSets(ctx context.Context, ids []string, found strays) error {
	pipe := s.p.Redis.Pipeline()
	scores := make(map[string][]*redis.FloatCmd, len(ids))
	for _, id := range ids {
		for _, set := range sets() {
			scores[id] = append(scores[id], pipe.ZScore(ctx, s.key(set), id))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("look where jobs of a queue are: %w", err)
	}
	for id, all := range scores {
		if !slices.ContainsFunc(all, func(c *redis.FloatCmd) bool { return c.Err() == nil }) {
			found[id] = true
		}
	}
	return nil
}

func (s *Server) rescueStray(ctx context.Context, id string) error {
	keys := []string{s.key("t:" + id), s.key("pending"), s.key("active")}
	for _, set := range sets() {
		keys = append(keys, s.key(set))
	}
	n, err := redis.NewScript(strayScript).Run(ctx, s.p.Redis, keys, id).Int()
	if err != nil {
		return fmt.Errorf("put job %s back: %w", id, err)
	}
	if n == 1 {
		s.p.Log.Warn().Str("queue", string(s.p.Queue)).Str("job_id", id).Msg("put a job back that was in no list of the queue")
	}
	return nil
}

// showEmpty makes a job dead of which the queue has lost all but the name.
func (s *Server) showEmpty(ctx context.Context, id string) error {
	r, _, err := s.records.Find(ctx, id)
	if err != nil {
		return err
	}
	s.p.Log.Error().Str("queue", string(s.p.Queue)).Str("job_id", id).Msg("the queue has lost what a job asked for: the job is dead")
	r.ID, r.Attempts, r.Reason = id, 0, &fault.Error{Message: "the queue has lost what this job asked for: ask for it anew"}
	if err := s.records.Bury(ctx, r); err != nil {
		return err
	}
	pipe := s.p.Redis.TxPipeline()
	pipe.LRem(ctx, s.key("active"), 0, id)
	pipe.ZRem(ctx, s.key("lease"), id)
	pipe.Del(ctx, s.key("t:"+id))
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("drop what is left of job %s: %w", id, err)
	}
	return nil
}
