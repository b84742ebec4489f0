package enqueue

import (
	"context"
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// tickMemory is how long a sweep that ran keeps its tick: several schedulers
// must all have had their turn at it.
const tickMemory = 5 * time.Minute

// System enqueues the jobs that our own programs ask for. A hook needs none of
// them, so they are not on [Client].
type System struct{ c *Client }

// NewSystem returns what enqueues through c.
func NewSystem(c *Client) System { return System{c} }

// Wake asks for a sync of what is pending. A second wake of one generation
// joins the first: the sync that has not begun yet takes everything along.
func (s System) Wake(ctx context.Context, org sponsorship.ID, generation string) error {
	id := fmt.Sprintf("%s:%s:%s", jobs.KindSyncPending, org, generation)
	return s.c.ensure(ctx, id, jobs.SyncPending{OrganizationID: org})
}

// Scheduled asks for the full sync that was due at date, once however many ask.
func (s System) Scheduled(ctx context.Context, org sponsorship.ID, date time.Time) error {
	id := fmt.Sprintf("%s:%s:%d", jobs.KindSyncScheduled, org, date.UnixMilli())
	return s.c.ensure(ctx, id, jobs.SyncScheduled{OrganizationID: org})
}

// Sweep asks for the sweep of an interval, once however many schedulers ask.
func (s System) Sweep(ctx context.Context, tick int64) error {
	payload, err := jobs.Encode(jobs.Sweep{Tick: tick})
	if err != nil {
		return err
	}
	_, err = s.c.put(ctx, job{
		id: fmt.Sprintf("%s:%d", jobs.KindSweep, tick), kind: jobs.KindSweep, payload: payload, retention: tickMemory,
	})
	return err
}

// ensure puts a job in unless it is there and will run. A dead one keeps its id
// taken, which would block the organization for good, so it is removed first.
func (c *Client) ensure(ctx context.Context, id string, args jobs.Args) error {
	payload, err := jobs.Encode(args)
	if err != nil {
		return err
	}
	j := job{id: id, kind: args.Kind(), payload: payload}
	taken, err := c.put(ctx, j)
	if err != nil || !taken {
		return err
	}
	policy, _ := j.kind.Policy()
	state, err := c.rdb.HGet(ctx, taskKey(policy.Queue, id), "state").Result()
	if ignoreNil(err) != nil {
		return unavailable(err, "look up "+id)
	}
	if state != "archived" {
		return nil
	}
	// Whatever DeleteTask says (another caller was faster, Redis went away),
	// the put after it settles the matter.
	_ = c.inspector.DeleteTask(string(policy.Queue), id)
	_, err = c.put(ctx, j)
	return err
}
