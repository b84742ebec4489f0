package enqueue

import (
	"context"
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/tracing"
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

// Wake asks for a sync of what is pending, for somebody waits for it. A second
// wake of one generation joins the first: the sync that has not begun yet takes
// everything along.
func (s System) Wake(ctx context.Context, org sponsorship.ID, generation string) error {
	_, err := s.c.ensure(ctx, wakeID(org, generation), jobs.SyncPending{OrganizationID: org})
	return err
}

// WakeNow is Wake, and runs at once a wake-up that was put off: what it waited for
// is over.
func (s System) WakeNow(ctx context.Context, org sponsorship.ID, generation string) error {
	added, err := s.c.ensure(ctx, wakeID(org, generation), jobs.SyncPending{OrganizationID: org})
	if err != nil || added {
		return err
	}
	// It fails if nothing sleeps; whatever else goes wrong, a sweep wakes it later.
	_ = s.c.inspector.RunTask(string(jobs.QueueUrgent), wakeID(org, generation))
	return nil
}

func wakeID(org sponsorship.ID, generation string) string {
	return fmt.Sprintf("%s:%s:%s", jobs.KindSyncPending, org, generation)
}

// Left asks for a sync of work that nobody has taken up. It reports whether it
// was not asked for before.
func (s System) Left(ctx context.Context, org sponsorship.ID, generation string) (added bool, err error) {
	id := fmt.Sprintf("%s:%s:%s", jobs.KindSyncLeft, org, generation)
	return s.c.ensure(ctx, id, jobs.SyncLeft{OrganizationID: org})
}

// Scheduled asks for the full sync that was due at date, once however many ask. It
// reports whether it was not asked for before.
func (s System) Scheduled(ctx context.Context, org sponsorship.ID, date time.Time) (added bool, err error) {
	id := fmt.Sprintf("%s:%s:%d", jobs.KindSyncScheduled, org, date.UnixMilli())
	return s.c.ensure(ctx, id, jobs.SyncScheduled{OrganizationID: org})
}

// Waiting counts the jobs of a queue that are ready to run.
func (s System) Waiting(ctx context.Context, q jobs.Queue) (int, error) {
	n, err := s.c.rdb.LLen(ctx, QueueKey(q, "pending")).Result()
	return int(n), unavailable(err, "count the jobs that wait in queue "+string(q))
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

// ensure puts a job in unless it is there and will run, and reports whether it
// did. A dead one keeps its id taken, which would block the organization for good,
// so it is removed first.
func (c *Client) ensure(ctx context.Context, id string, args jobs.Args) (added bool, err error) {
	payload, err := jobs.Encode(args)
	if err != nil {
		return false, err
	}
	j := job{id: id, kind: args.Kind(), payload: payload, trace: tracing.Parent(ctx)}
	taken, err := c.put(ctx, j)
	if err != nil || !taken {
		return err == nil, err
	}
	policy, _ := j.kind.Policy()
	state, err := c.rdb.HGet(ctx, taskKey(policy.Queue, id), "state").Result()
	if ignoreNil(err) != nil {
		return false, unavailable(err, "look up "+id)
	}
	if state != "archived" {
		return false, nil
	}
	// Whatever DeleteTask says (another caller was faster, Redis went away),
	// the put after it settles the matter.
	_ = c.inspector.DeleteTask(string(policy.Queue), id)
	taken, err = c.put(ctx, j)
	return err == nil && !taken, err
}
