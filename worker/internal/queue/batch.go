package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// apartAgain is how soon a batch is looked at again whose rest could not be put into the
// queue.
const apartAgain = 5 * time.Second

// errCutOff is how a batch ends that a shutdown has interrupted: it runs again elsewhere.
var errCutOff = errors.New("the worker was shut down while it ran a batch")

// batch runs the jobs of a batch at the same time, so that what they store shares
// scripts, too. What does not end at once (it fails, or waits for others) goes into the
// queue as a job of its own, under its own id: it has lost no attempt, and holds up none of
// the others. A batch that comes back after a failure of its own is taken apart unseen:
// one of its jobs may be what killed the worker.
//
// A batch itself never dies but of what nobody can read.
func (s *Server) batch(ctx context.Context, d delivery) error {
	b, err := jobs.DecodeBatch(d.payload)
	if err != nil {
		return jobs.Permanent(err)
	}
	left := b.Items
	if d.attempt == 1 {
		left = s.together(ctx, d, b.Items)
	}
	switch {
	case len(left) == 0:
		return nil
	case s.handlers.Err() != nil:
		return errCutOff
	}
	if err := s.system.Apart(context.WithoutCancel(ctx), left, d.headers); err != nil {
		return jobs.Snooze(apartAgain, "what is left of a batch could not be put into the queue: "+err.Error())
	}
	return nil
}

// together returns the items that have not ended.
func (s *Server) together(ctx context.Context, d delivery, items []jobs.Item) (left []jobs.Item) {
	ended := make([]bool, len(items))
	var running sync.WaitGroup
	for n, i := range items {
		if policy, _ := i.Kind.Policy(); policy.Queue != s.p.Queue || !policy.Public {
			continue
		}
		running.Go(func() {
			ended[n] = s.once(ctx, delivery{kind: i.Kind, id: i.ID, payload: i.Args, attempt: 1}.with(d.headers))
		})
	}
	running.Wait()
	for n, i := range items {
		if !ended[n] {
			left = append(left, i)
		}
	}
	return left
}
