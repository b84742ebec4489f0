package bridge

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// senders hide the round trips of many jobs without taking the whole connection pool.
const senders = 16

// NewQueue returns the queue behind a client.
func NewQueue(c *enqueue.Client) Queue { return queue{enqueue.NewSystem(c), c} }

type queue struct {
	enqueue.System
	client *enqueue.Client
}

// Send implements [Queue].
func (q queue) Send(ctx context.Context, all []merge.Job) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(senders)
	for _, line := range lines(all) {
		group.Go(func() error {
			for _, job := range line {
				if _, err := q.client.Enqueue(asked(ctx, job), job.Args, enqueue.WithID(job.ID)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// asked says that the vault asks, which the job's record keeps: nobody else can say so.
func asked(ctx context.Context, job merge.Job) context.Context {
	if job.Unconfirmed {
		return origin.WithUndated(ctx)
	}
	return origin.WithBridge(ctx)
}

// lines parts jobs by sponsorship, each in its order.
func lines(all []merge.Job) [][]merge.Job {
	var parts [][]merge.Job
	at := map[sponsorship.ID]int{}
	for _, job := range all {
		var key sponsorship.ID
		if ordered, is := job.Args.(jobs.Ordered); is {
			key = ordered.SponsorshipID()
		}
		n, seen := at[key]
		if !seen {
			n, at[key] = len(parts), len(parts)
			parts = append(parts, nil)
		}
		parts[n] = append(parts[n], job)
	}
	return parts
}
