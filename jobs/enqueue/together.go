package enqueue

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// commitAll is commit for jobs that came in one call: those of intake go into the queue in
// batches, where every worker that lives reads such. A batch that could not get all
// its places is not put in: whoever repeats the call must find its id free.
func (c *Client) commitAll(ctx context.Context, all []job) []outcome {
	parts, alone := c.parts(ctx, all)
	if len(parts) == 0 {
		return c.commit(ctx, all)
	}
	done := c.stamp(ctx, all)
	tasks, messages := make([]outcome, 0, len(parts)+len(alone)), make([]message, 0, len(parts)+len(alone))
	for _, part := range parts {
		m, out := c.bundle(ctx, all, part, done)
		messages, tasks = append(messages, m), append(tasks, out)
	}
	for _, n := range alone {
		messages, tasks = append(messages, c.encode(ctx, all[n:n+1])...), append(tasks, done[n])
	}
	c.putAll(ctx, messages, tasks)
	for p, part := range parts {
		for _, n := range part {
			if (done[n] == outcome{}) {
				done[n] = tasks[p]
			}
		}
	}
	for i, n := range alone {
		done[n] = tasks[len(parts)+i]
	}
	return done
}

// parts returns the places of the jobs of each batch, and of those that go alone. The same
// jobs under the same ids always make the same batches.
func (c *Client) parts(ctx context.Context, all []job) (parts [][]int, alone []int) {
	var joined []int
	for n, j := range all {
		if policy, _ := j.kind.Policy(); policy.Queue == jobs.QueueIntake && policy.Public && j.user != "" {
			joined = append(joined, n)
		} else {
			alone = append(alone, n)
		}
	}
	if len(joined) < 2 || !c.read(ctx) {
		return nil, nil
	}
	for part := range slices.Chunk(joined, jobs.MostItems) {
		parts = append(parts, part)
		id := batchID(all[part[0]].id)
		for place, n := range part {
			all[n].batch, all[n].place = id, place
		}
	}
	return parts, alone
}

// batchID is the id of a batch that begins with a job.
func batchID(first string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("batch of "+first)).String()
}

// bundle writes a batch of those jobs that have not ended, unless it has none, or one has
// no place.
func (c *Client) bundle(ctx context.Context, all []job, part []int, done []outcome) (message, outcome) {
	var b jobs.Batch
	first := all[part[0]]
	for _, n := range part {
		switch j := all[n]; {
		case done[n].err != nil:
			return message{}, outcome{err: done[n].err}
		case !done[n].taken:
			b.Items = append(b.Items, jobs.Item{ID: j.id, Kind: j.kind, Args: j.payload})
		}
	}
	if len(b.Items) == 0 {
		return message{}, outcome{taken: true}
	}
	payload, err := b.Encode()
	if err != nil {
		return message{}, outcome{err: err}
	}
	batch := job{id: first.batch, kind: jobs.KindBatch, payload: payload, origin: first.origin, trace: first.trace}
	return c.encode(ctx, []job{batch})[0], outcome{}
}

// readersFresh is how long it is believed that every worker reads batches.
const readersFresh = 5 * time.Second

// readers is whether every worker that lives reads batches, as it was when somebody looked
// last.
type readers struct{ last atomic.Pointer[readersSeen] }

type readersSeen struct {
	all   bool
	taken time.Time
}

// read reports whether every worker that lives reads batches. An older one leaves them to a
// newer one, but does not know that a job in a batch holds up another. Where nobody can
// tell, they do not.
func (c *Client) read(ctx context.Context) bool {
	last := c.readers.last.Load()
	if last == nil || time.Since(last.taken) > readersFresh {
		workers, err := NewInspector(c).Workers(ctx)
		if err != nil {
			return false
		}
		_, older := state.Older(workers, state.BatchSafety)
		last = &readersSeen{!older, time.Now()}
		c.readers.last.Store(last)
	}
	return last.all
}
