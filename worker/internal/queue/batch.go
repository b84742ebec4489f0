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
	s.atOnce(ctx, d, items, ended)
	var running sync.WaitGroup
	for n, i := range items {
		if policy, _ := i.Kind.Policy(); ended[n] || policy.Queue != s.p.Queue || !policy.Public {
			continue
		}
		running.Go(func() { ended[n] = s.once(ctx, d.item(i)) })
	}
	running.Wait()
	for n, i := range items {
		if !ended[n] {
			left = append(left, i)
		}
	}
	return left
}

// item is the first try of a job of the batch d.
func (d delivery) item(i jobs.Item) delivery {
	item := delivery{kind: i.Kind, id: i.ID, payload: i.Args, attempt: 1, trace: d.trace}
	return item.with(d.headers)
}

// atOnce carries out, for each kind that can be, what ends in one step, and marks it. Who
// asked for a job only its own handler learns.
func (s *Server) atOnce(ctx context.Context, d delivery, items []jobs.Item, ended []bool) {
	if d.hasOrigin {
		return
	}
	for kind, handle := range s.p.Registry.together {
		policy, _ := kind.Policy()
		var group group
		for n, i := range items {
			if i.Kind != kind {
				continue
			}
			if args, err := jobs.Decode(kind, i.Args); err == nil {
				group.add(n, d.item(i).about(args), args)
			}
		}
		if policy.Queue != s.p.Queue || len(group.args) == 0 {
			continue
		}
		began := s.p.Now()
		bounded, cancel := context.WithTimeout(ctx, policy.Timeout)
		stop := context.AfterFunc(s.handlers, cancel)
		err := s.recovered(d, func() error {
			group.ended = handle(bounded, group.ids, group.args)
			return nil
		})
		stop()
		cancel()
		if err == nil {
			s.tell(group, s.p.Now().Sub(began))
			for m, n := range group.places {
				ended[n] = group.ended[m]
			}
		}
	}
}

// group are the jobs of one kind in a batch.
type group struct {
	places []int // in the batch
	ids    []string
	args   []jobs.Args
	tries  []delivery
	ended  []bool
}

func (g *group) add(place int, d delivery, args jobs.Args) {
	g.places, g.ids, g.args, g.tries = append(g.places, place), append(g.ids, d.id), append(g.args, args), append(g.tries, d)
}

// tell reports those of a group that have ended, each for itself.
func (s *Server) tell(g group, took time.Duration) {
	for m, d := range g.tries {
		if g.ended[m] {
			s.report(d, decision{outcome: OutcomeDone}, took)
			s.p.Observe(string(d.kind), OutcomeDone, took)
		}
	}
}
