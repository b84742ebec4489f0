package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// ticket is an acknowledged job.
type ticket struct {
	id    string
	args  jobs.Ordered
	ended bool
	at    uint64 // the sponsorship's revision when it had ended
	maybe bool   // a worker crashed while it ran it: it may have taken effect
}

// offer is the address that the job wishes, if any.
func (t *ticket) offer() string {
	switch a := t.args.(type) {
	case jobs.Redeem:
		return a.SponsoredEmail
	case jobs.ChangeSponsorship:
		return a.SponsoredEmail
	}
	return ""
}

// acknowledge enqueues jobs of one member as one array.
func (m *model) acknowledge(all ...jobs.Ordered) {
	args := make([]jobs.Args, len(all))
	for i, a := range all {
		args[i] = a
	}
	receipts, err := m.client.EnqueueAll(m.t.Context(), args)
	if err != nil {
		m.rt.Fatalf("enqueue: %v", err)
	}
	for i, r := range receipts {
		m.tickets = append(m.tickets, &ticket{id: r.ID, args: all[i]})
	}
}

// wishes enqueues what one member wishes, one wish or several at once.
func (m *model) wishes() {
	n := m.draw("member", people)
	var all []jobs.Ordered
	for range 1 + m.draw("wishes", 3) {
		all = append(all, m.wish(n))
	}
	m.acknowledge(all...)
}

func (m *model) wish(n int) jobs.Ordered {
	change := jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: user(n)}
	switch m.draw("wish", 6) {
	case 0:
		change.Revoke = true
	case 1:
		change.FriendlyName = fmt.Sprint("label ", m.draw("label", 3))
	case 2:
		change.SponsoredEmail = address(m.draw("address", 3))
	default:
		return jobs.Redeem{
			OrganizationID: org, OrganizationUserID: user(n), SponsoredEmail: address(m.draw("address", 3)),
			AdminInitiated: m.draw("admin", 6) == 0,
		}
	}
	return change
}

// open are the jobs that have not ended.
func (m *model) open() []*ticket {
	return slices.DeleteFunc(slices.Clone(m.tickets), func(t *ticket) bool { return t.ended })
}

// deliverOne runs any job of the queue, in whatever order, by any worker, which may
// crash in the middle.
func (m *model) deliverOne() {
	open := m.open()
	if len(open) == 0 {
		return
	}
	t, h := open[m.draw("job", len(open))], m.anyHand()
	if m.draw("crash", 6) == 0 {
		h.crash.After(m.draw("commands", 5))
	}
	m.deliver(h, t)
}

// patience is how long a job may wait in place for those before it.
const patience = 5 * time.Millisecond

// deliver runs a job once, as a queue would. It must not end before those of its
// member that were acknowledged earlier.
func (m *model) deliver(h *hand, t *ticket) {
	m.calm(h)
	earlier := m.earlier(t, func(*ticket) bool { return true })
	ctx := m.t.Context()
	if earlier {
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = bounded
	}
	id := t.args.SponsorshipID()
	before := m.read(id)
	var err error
	switch a := t.args.(type) {
	case jobs.Redeem:
		err = h.intake.Redeem(ctx, jobs.Job[jobs.Redeem]{ID: t.id, Args: a})
	case jobs.ChangeSponsorship:
		err = h.intake.ChangeSponsorship(ctx, jobs.Job[jobs.ChangeSponsorship]{ID: t.id, Args: a})
	}
	crashed := h.crash.Disarm()
	m.noteAsked(before, m.read(id), t.offer())
	switch {
	case crashed, err != nil && !jobs.IsRefused(err):
		t.maybe = t.maybe || crashed
		if !crashed && !earlier {
			m.rt.Fatalf("job %s, whose turn it is: %v", t.id, err)
		}
		return
	case m.earlier(t, func(other *ticket) bool { return !other.maybe }):
		m.rt.Fatalf("job %s ended (%v) before an earlier one of its member", t.id, err)
	}
	t.ended, t.at = true, m.read(id).Revision
	m.completed(t)
}

// earlier reports whether such a job of the same member was acknowledged before and
// has not ended.
func (m *model) earlier(t *ticket, such func(*ticket) bool) bool {
	for _, other := range m.tickets {
		switch {
		case other == t:
			return false
		case !other.ended && such(other) && other.args.SponsorshipID() == t.args.SponsorshipID():
			return true
		}
	}
	return false
}

// completed tells the queue that a job has ended.
func (m *model) completed(t *ticket) {
	pipe := m.rdb.Pipeline()
	pipe.LRem(m.t.Context(), enqueue.QueueKey(jobs.QueueIntake, "pending"), 0, t.id)
	pipe.HSet(m.t.Context(), enqueue.QueueKey(jobs.QueueIntake, "t:"+t.id), "state", "completed")
	pipe.ZAdd(m.t.Context(), enqueue.QueueKey(jobs.QueueIntake, "completed"), redis.Z{Member: t.id, Score: 9e9})
	_, err := pipe.Exec(m.t.Context())
	if err != nil {
		m.rt.Fatal(err)
	}
}

// noteAsked counts the offers that were accepted.
func (m *model) noteAsked(before, after sponsorship.Sponsorship, offer string) {
	if offer == "" || after.Email != offer || before.Email == offer && before.Exists() {
		return
	}
	if m.asked[after.UserID] == nil {
		m.asked[after.UserID] = map[string]int{}
	}
	m.asked[after.UserID][offer]++
}

// finished checks that each job can be asked for.
func (m *model) finished() {
	inspector := enqueue.NewInspector(m.client)
	for _, t := range m.tickets {
		s, found, err := inspector.Job(m.t.Context(), t.id)
		if err != nil || !found || s.State != enqueue.StateDone && s.State != enqueue.StateRefused {
			m.rt.Fatalf("job %s: %+v, %t, %v", t.id, s, found, err)
		}
	}
}

// drain delivers what is left in the queue, in any order.
func (m *model) drain() {
	for range 10 * (len(m.tickets) + 1) {
		open := m.open()
		if len(open) == 0 {
			return
		}
		for _, t := range open {
			m.deliver(m.anyHand(), t)
		}
	}
	m.rt.Fatalf("%d jobs do not come to an end", len(m.open()))
}
