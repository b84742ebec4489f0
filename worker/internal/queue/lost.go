package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
)

const (
	// lostEvery is between two looks for jobs that nobody runs any more. asynq's
	// servers say at the same interval what they run, and are forgotten after two.
	lostEvery = 5 * time.Second
	// lostAfter is how long a job must be seen as nobody's, by this process' own
	// clock: longer than a living server can be silent about it.
	lostAfter = 11 * time.Second
	// mostRescues is how often a job is put back without having used an attempt.
	// One that kills its worker each time must not do so forever: asynq's own
	// recoverer, which comes later, counts.
	mostRescues = 10
)

// rescueScript puts an active job back to the front of the queue, if it is still
// as it was seen: with the same lease (ARGV[2], empty for none).
// It returns 1 if it did, 2 if the job was put back too often: its lease is then given
// up, so that asynq's recoverer takes it; 3 if there is nothing to put back but a name.
const rescueScript = `
local lease = redis.call('ZSCORE', KEYS[2], ARGV[1]) or ''
if lease ~= ARGV[2] then return 0 end
if redis.call('HEXISTS', KEYS[4], 'msg') == 0 then return 3 end
if redis.call('HINCRBY', KEYS[4], 'rescues', 1) > tonumber(ARGV[3]) and lease ~= '' then
	redis.call('ZADD', KEYS[2], 0, ARGV[1])
	return 2
end
if redis.call('LREM', KEYS[1], 0, ARGV[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[4], 'state', 'pending')
redis.call('RPUSH', KEYS[3], ARGV[1])
return 1`

// sighting is when an active job was first seen to be nobody's, and with which
// lease: a living server renews that.
type sighting struct {
	lease string
	since time.Time
}

// watchLost looks for jobs that nobody runs any more, until ctx ends, and keeps the
// queue known to inspectors: a Redis that was emptied has forgotten it.
func (s *Server) watchLost(ctx context.Context) {
	ticker := time.NewTicker(lostEvery)
	defer ticker.Stop()
	seen, found := map[string]sighting{}, strays{}
	for n := 0; ; n++ {
		err := s.greet(ctx)
		if err == nil {
			err = s.rescueLost(ctx, seen)
		}
		if err == nil && n%straysEvery == 0 {
			found, err = s.rescueStrays(ctx, found)
		}
		if err != nil && ctx.Err() == nil {
			s.p.Log.Warn().Err(err).Str("queue", string(s.p.Queue)).Msg("look for jobs that nobody runs: will look again")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// rescueLost puts active jobs back that no living server lists and whose lease has
// not been renewed since they were first seen so. asynq would take a minute or two,
// count an attempt, and never see those without a lease.
func (s *Server) rescueLost(ctx context.Context, seen map[string]sighting) error {
	nobodys, err := s.nobodys(ctx)
	if err != nil {
		return err
	}
	for id := range seen {
		if _, still := nobodys[id]; !still {
			delete(seen, id)
		}
	}
	for id, lease := range nobodys {
		before, known := seen[id]
		if !known || before.lease != lease {
			seen[id] = sighting{lease, s.p.Now()}
			continue
		}
		if s.p.Now().Sub(before.since) < lostAfter {
			continue
		}
		delete(seen, id)
		if err := s.rescue(ctx, id, lease); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) rescue(ctx context.Context, id, lease string) error {
	n, err := redis.NewScript(rescueScript).Run(ctx, s.p.Redis,
		[]string{s.key("active"), s.key("lease"), s.key("pending"), s.key("t:" + id)}, id, lease, mostRescues).Int()
	if err != nil {
		return fmt.Errorf("put job %s back: %w", id, err)
	}
	switch n {
	case 3:
		return s.showEmpty(ctx, id)
	case 1:
		s.p.Log.Warn().Str("queue", string(s.p.Queue)).Str("job_id", id).Bool("lease", lease != "").
			Msg("put a job back whose worker is gone; it uses no attempt")
	}
	return nil
}

// nobodys returns the active jobs that no living server lists, with their leases.
func (s *Server) nobodys(ctx context.Context) (map[string]string, error) {
	active, err := s.p.Redis.LRange(ctx, s.key("active"), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("list active jobs: %w", err)
	}
	if len(active) == 0 {
		return nil, nil
	}
	leases, err := s.p.Redis.ZRangeWithScores(ctx, s.key("lease"), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("list the leases of active jobs: %w", err)
	}
	nobodys := make(map[string]string, len(active))
	for _, id := range active {
		nobodys[id] = ""
	}
	for _, z := range leases {
		if id, _ := z.Member.(string); hasKey(nobodys, id) {
			nobodys[id] = fmt.Sprintf("%.0f", z.Score)
		}
	}
	servers, err := asynq.NewInspectorFromRedisClient(enqueue.Clockless(s.p.Redis)).Servers()
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	for _, server := range servers {
		for _, w := range server.ActiveWorkers {
			if w.Queue == string(s.p.Queue) {
				delete(nobodys, w.TaskID)
			}
		}
	}
	return nobodys, nil
}

func hasKey(m map[string]string, key string) bool {
	_, has := m[key]
	return has
}

// greet makes sure that Redis is there, which asynq does not, and that
// inspectors know the queue before the first job has come.
func (s *Server) greet(ctx context.Context) error {
	return s.p.Redis.SAdd(ctx, enqueue.QueuesKey, string(s.p.Queue)).Err()
}
