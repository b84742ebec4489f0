package enqueue

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// openAtOnce is how many jobs are looked up in one round trip.
const openAtOnce = 500

// Open returns, of those of an organization's jobs for sponsorships that have reached the
// queue, whether they are still to end: not carried out, refused, dead or deleted. What
// one that has ended did stands in the ledger by now. A job that ended a day ago is as if it
// had never come.
func (s System) Open(ctx context.Context, org sponsorship.ID, ids []string) (map[string]bool, error) {
	open := map[string]bool{}
	for part := range slices.Chunk(ids, openAtOnce) {
		held, err := s.whereabouts(ctx, org, part)
		if err != nil {
			return nil, err
		}
		for i, id := range part {
			if held[i].reached() {
				open[id] = held[i].open()
			}
		}
	}
	return open, nil
}

// whereabouts is what record and queue say of a job of intake, alone or in a batch.
type whereabouts struct {
	record string        // its state
	left   time.Duration // that the record is kept
	known  bool          // the queue holds it
	ended  bool          // and will not run it
	next   time.Time     // when it is tried again, if it waits for that
}

// reached: it is in the queue, was, or is just about to be.
func (w whereabouts) reached() bool {
	ended := w.record != "" && w.record != string(record.Waiting)
	return ended || w.known || w.open()
}

// open: a job that waits is in the queue, or has just got its place and is about to be.
func (w whereabouts) open() bool {
	queued := w.known && !w.ended
	return w.record == string(record.Waiting) && (queued || w.left > record.Life-2*record.Unput)
}

// whereabouts looks jobs of one organization up, in one round trip unless they are in
// batches.
func (s System) whereabouts(ctx context.Context, org sponsorship.ID, ids []string) ([]whereabouts, error) {
	pipe := s.c.rdb.Pipeline()
	kept, left, tasks := make([]*redis.SliceCmd, len(ids)), make([]*redis.DurationCmd, len(ids)), make([]taskReply, len(ids))
	for i, id := range ids {
		kept[i] = pipe.HMGet(ctx, state.RecordKey(org, id), "state", "batch")
		left[i] = pipe.PTTL(ctx, state.RecordKey(org, id))
		tasks[i] = askTask(ctx, pipe, id)
	}
	if _, err := pipe.Exec(ctx); ignoreNil(err) != nil {
		return nil, unavailable(err, "look up jobs of "+string(org))
	}
	all, batches := make([]whereabouts, len(ids)), make([]string, len(ids))
	for i := range ids {
		all[i].record, _ = kept[i].Val()[0].(string)
		all[i].left = left[i].Val()
		batches[i], _ = kept[i].Val()[1].(string)
		if tasks[i].tell(&all[i]); all[i].known {
			batches[i] = ""
		}
	}
	return all, s.inBatches(ctx, ids, batches, all)
}

// inBatches completes what is known of jobs that the queue does not hold by themselves. A
// batch is looked at first, then its job once more: what a batch leaves is in the queue
// before the batch ends.
func (s System) inBatches(ctx context.Context, ids, batches []string, all []whereabouts) error {
	pipe := s.c.rdb.Pipeline()
	first, then := make([]taskReply, len(ids)), make([]taskReply, len(ids))
	for i, batch := range batches {
		if batch != "" {
			first[i] = askTask(ctx, pipe, batch)
		}
	}
	if pipe.Len() == 0 {
		return nil
	}
	for i, batch := range batches {
		if batch != "" {
			then[i] = askTask(ctx, pipe, ids[i])
		}
	}
	if _, err := pipe.Exec(ctx); ignoreNil(err) != nil {
		return unavailable(err, "look up batches of jobs")
	}
	for i, batch := range batches {
		if batch == "" {
			continue
		}
		if then[i].tell(&all[i]); !all[i].known {
			first[i].tell(&all[i])
		}
	}
	return nil
}

// taskReply is what the intake queue says of one of its tasks.
type taskReply struct {
	task *redis.SliceCmd
	next *redis.FloatCmd
}

func askTask(ctx context.Context, pipe redis.Pipeliner, id string) taskReply {
	return taskReply{
		pipe.HMGet(ctx, taskKey(jobs.QueueIntake, id), "state", "msg"), pipe.ZScore(ctx, QueueKey(jobs.QueueIntake, "retry"), id),
	}
}

func (r taskReply) tell(w *whereabouts) {
	taskState, message := r.task.Val()[0], r.task.Val()[1]
	w.ended = taskState == "archived" || taskState == "completed"
	w.known = message != nil || w.ended
	if r.next.Err() == nil {
		w.next = time.Unix(int64(r.next.Val()), 0)
	}
}
