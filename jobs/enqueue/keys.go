package enqueue

import (
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// QueuesKey is asynq's set of the queues that its inspectors know.
const QueuesKey = "asynq:queues"

// QueueKey is asynq's key of a part of a queue (v0.26.0, internal/base), for
// the few things that its Inspector does not tell, or not cheaply. It is for our
// own programs; a hook needs none of it.
func QueueKey(q jobs.Queue, part string) string { return "asynq:{" + string(q) + "}:" + part }

func taskKey(q jobs.Queue, id string) string { return QueueKey(q, "t:"+id) }

func ignoreNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
