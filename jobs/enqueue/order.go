package enqueue

import (
	"context"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/record"
)

// Ahead is a job that others of its sponsorship wait for.
type Ahead struct {
	Gone bool      // the way may be free: it has ended, or will never run
	Next time.Time // when it is tried again, if it waits for that
}

// Ahead looks at the job that holds up the others of its sponsorship, and lets the
// next one go on if it cannot run any more.
func (s System) Ahead(ctx context.Context, b record.Blocker) (Ahead, error) {
	held, err := s.whereabouts(ctx, b.Organization, []string{b.ID})
	if err != nil {
		return Ahead{}, err
	}
	switch at := held[0]; {
	case !at.known || at.ended:
		gone, err := s.c.records.Unblock(ctx, b, at.ended)
		return Ahead{Gone: gone}, unavailable(err, "look up job "+b.ID)
	default:
		return Ahead{Next: at.next}, nil
	}
}

// hurried is how many jobs of a sponsorship are called together: enough for the
// handlers of a worker, so that a long line is not called one by one.
const hurried = 32

// Hurry runs jobs at once that were put off to let others of their sponsorship go
// first: the first one, whose turn it is, and if it was put off some of those
// behind it. One that waits after a failure keeps to its time.
func (s System) Hurry(ctx context.Context, first record.Blocker) error {
	was, err := s.hurry(ctx, first.ID)
	if !was || err != nil {
		return err
	}
	line, err := s.c.records.Line(ctx, first.Organization, first.User, hurried)
	for _, id := range line {
		if _, failed := s.hurry(ctx, id); failed != nil {
			return failed
		}
	}
	return unavailable(err, "look up jobs of "+string(first.User))
}

// hurry reports whether the job had been put off.
func (s System) hurry(ctx context.Context, id string) (was bool, err error) {
	queue := string(jobs.QueueIntake)
	info, err := jobs.Await(ctx, func() (*asynq.TaskInfo, error) { return s.c.inspector.GetTaskInfo(queue, id) })
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err, "look up job "+id)
	}
	if info.State != asynq.TaskStateRetry || !strings.HasPrefix(info.LastErr, WaitPrefix) {
		return false, nil
	}
	// If it runs already by now, so much the better.
	_, _ = jobs.Await(ctx, func() (struct{}, error) { return struct{}{}, s.c.inspector.RunTask(queue, id) })
	return true, nil
}
