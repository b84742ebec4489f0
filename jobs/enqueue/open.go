package enqueue

import (
	"context"
	"slices"

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
		pipe := s.c.rdb.Pipeline()
		replies := make([]openReply, len(part))
		for i, id := range part {
			replies[i] = openReply{
				record: pipe.HGet(ctx, state.RecordKey(org, id), "state"),
				left:   pipe.PTTL(ctx, state.RecordKey(org, id)),
				task:   pipe.HGet(ctx, taskKey(jobs.QueueIntake, id), "state"),
			}
		}
		if _, err := pipe.Exec(ctx); ignoreNil(err) != nil {
			return nil, unavailable(err, "look up jobs of "+string(org))
		}
		for i, id := range part {
			if replies[i].reached() {
				open[id] = replies[i].open()
			}
		}
	}
	return open, nil
}

type openReply struct {
	record, task *redis.StringCmd
	left         *redis.DurationCmd
}

// reached: it is in the queue, was, or is just about to be.
func (r openReply) reached() bool {
	ended := r.record.Val() != "" && r.record.Val() != string(record.Waiting)
	return ended || r.task.Val() != "" || r.open()
}

// open: a job that waits is in the queue, or has just got its place and is about to be.
func (r openReply) open() bool {
	task := r.task.Val()
	queued := task != "" && task != "archived" && task != "completed"
	return r.record.Val() == string(record.Waiting) && (queued || r.left.Val() > record.Life-2*record.Unput)
}
