package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
)

const (
	// damagedKind is what becomes of a damaged job: no handler takes it, so it
	// is dead at once, under the id of the one that nobody can read.
	damagedKind = "damaged"
	// damagedEvery is shorter than asynq's wait before it takes a job for
	// orphaned, so that what it would stumble over is gone by then.
	damagedEvery = 15 * time.Second
)

// setAsideScript takes ARGV[1] from active jobs and leases, and keeps what is
// there of it under another name for ARGV[2] ms. It returns 0 if another worker
// was faster.
const setAsideScript = `
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('LREM', KEYS[1], 0, ARGV[1])
redis.call('RENAME', KEYS[3], KEYS[4])
redis.call('PEXPIRE', KEYS[4], ARGV[2])
return 1`

// watchDamaged looks for damaged jobs now and then until ctx ends.
func (s *Server) watchDamaged(ctx context.Context) {
	ticker := time.NewTicker(damagedEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.setAsideDamaged(ctx)
		}
	}
}

// setAsideDamaged makes dead jobs of those that cannot be decoded. asynq reads
// all orphans of a queue at once, and a single one that it cannot read keeps it
// from recovering any other, forever. It comes across such a job only by
// running it, so its lease expires; those that have are looked at. A failure is
// logged: the next look comes soon.
func (s *Server) setAsideDamaged(ctx context.Context) {
	expired, err := s.p.Redis.ZRangeByScore(ctx, s.key("lease"), &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(s.p.Now().Unix(), 10),
	}).Result()
	inspector := asynq.NewInspectorFromRedisClient(s.p.Redis)
	for _, id := range expired {
		if _, broken := inspector.GetTaskInfo(string(s.p.Queue), id); !isDamaged(broken) {
			continue
		}
		err = errors.Join(err, s.setAside(ctx, id))
	}
	if err != nil && ctx.Err() == nil {
		s.p.Log.Warn().Err(err).Str("queue", string(s.p.Queue)).Msg("look for damaged jobs: will look again")
	}
}

// isDamaged knows asynq's error by its text: it has no type (v0.26.0).
func isDamaged(err error) bool {
	return err != nil && strings.Contains(err.Error(), "could not decode task message")
}

func (s *Server) setAside(ctx context.Context, id string) error {
	kept := "sponsorsync:{" + string(s.p.Queue) + "}:damaged:" + id
	mine, err := redis.NewScript(setAsideScript).Run(ctx, s.p.Redis,
		[]string{s.key("active"), s.key("lease"), s.key("t:" + id), kept}, id, DeadRetention.Milliseconds()).Bool()
	if err != nil || !mine {
		return err
	}
	s.p.Log.Error().Str("queue", string(s.p.Queue)).Str("job_id", id).Str("key", kept).
		Msg("a job's message is damaged: the job is dead, and what is left of it is kept under key for 30 days")
	_, err = asynq.NewClientFromRedisClient(s.p.Redis).EnqueueContext(ctx, asynq.NewTask(damagedKind, nil),
		asynq.TaskID(id), asynq.Queue(string(s.p.Queue)), asynq.MaxRetry(1))
	if err != nil {
		return fmt.Errorf("list damaged job %s as dead: %w", id, err)
	}
	return nil
}

func (s *Server) key(part string) string { return enqueue.QueueKey(s.p.Queue, part) }
