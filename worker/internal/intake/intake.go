// Package intake carries out redeem, adopt and change-sponsorship jobs: it writes
// what is wanted into the ledger, as pending, together with the event that says so,
// and wakes the sync that carries on.
//
// A job may be delivered twice: the second run changes nothing and repeats the
// outcome of the first. Jobs of one sponsorship take effect in the order in which
// they were acknowledged: one that comes too early waits. The package never calls
// the cloud and runs no queue: a handler returns what should become of its job.
package intake

import (
	"context"
	"errors"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// Waker enqueues a sync of what is pending, once per generation.
type Waker interface {
	Wake(ctx context.Context, org sponsorship.ID, generation string) error
}

// Line is where jobs of one sponsorship wait for each other.
type Line interface {
	// Ahead looks at the job that holds up others, and lets them go on if it
	// cannot run any more.
	Ahead(ctx context.Context, b record.Blocker) (enqueue.Ahead, error)
	// Hurry runs jobs at once that were put off to let others go first.
	Hurry(ctx context.Context, first record.Blocker) error
}

// Params are an Intake's parts; all are required.
type Params struct {
	Ledger *ledger.Ledger
	Waker  Waker
	Line   Line
}

// Intake handles redeem, adopt and change-sponsorship jobs. It is safe for concurrent use.
type Intake struct{ p Params }

// New returns an error when a part is missing.
func New(p Params) (*Intake, error) {
	if p.Ledger == nil || p.Waker == nil || p.Line == nil {
		return nil, errors.New("make intake: a ledger, a waker and a line are needed")
	}
	return &Intake{p}, nil
}

// Redeem handles redeem jobs.
func (h *Intake) Redeem(ctx context.Context, job jobs.Job[jobs.Redeem]) error {
	a := job.Args
	// Most redeems are a member's first: try that before anything is read.
	return h.decide(ctx, order{jobID: job.ID, kind: a.Kind(), request: redeemRequest(a)}, h.p.Ledger.None(a.OrganizationID, a.SponsorshipID()))
}

// Adopt handles adopt jobs.
func (h *Intake) Adopt(ctx context.Context, job jobs.Job[jobs.Adopt]) error {
	a := job.Args
	request := sponsorship.Adopt{Email: a.SponsoredEmail, Name: a.FriendlyName, AdminInitiated: a.AdminInitiated, Revoke: a.Revoke,
		Unconfirmed: origin.Of(ctx) == origin.Undated}
	return h.decide(ctx, order{jobID: job.ID, kind: a.Kind(), request: request}, h.p.Ledger.None(a.OrganizationID, a.SponsorshipID()))
}

// ChangeSponsorship handles change-sponsorship jobs.
func (h *Intake) ChangeSponsorship(ctx context.Context, job jobs.Job[jobs.ChangeSponsorship]) error {
	a := job.Args
	var request sponsorship.Request = sponsorship.Change{Email: a.SponsoredEmail, Name: a.FriendlyName}
	switch {
	case a.Revoke:
		request = sponsorship.Revoke{}
	case a.Resend:
		request = sponsorship.Resend{}
	}
	seen, err := h.p.Ledger.Look(ctx, ledger.Lookup{Organization: a.OrganizationID, User: a.OrganizationUserID, JobID: job.ID})
	switch {
	case err != nil:
		return err
	case seen.Applied && seen.Outcome != "":
		return again(seen.Outcome)
	case seen.Applied: // perhaps nobody was woken then
		return h.wake(ctx, a.OrganizationID, seen.Generation)
	}
	return h.decide(ctx, order{jobID: job.ID, kind: a.Kind(), request: request}, seen.Sponsorship)
}

// order is what a job asks for.
type order struct {
	jobID   string
	kind    jobs.Kind
	request sponsorship.Request
	refusal error // decided before the record is looked at
}

// fullDelay is how soon a job is tried again for which there was no room.
const fullDelay = 10 * time.Second

// maxConflicts bounds how often one job loses the race for one record; then it
// takes its turn again.
const maxConflicts = 8

// decide applies the order to the sponsorship as it is believed to be, and again
// as it really is if that was wrong.
func (h *Intake) decide(ctx context.Context, o order, current sponsorship.Sponsorship) error {
	var wait patience
	for conflicts := 0; conflicts < maxConflicts; {
		accepted, err := h.try(ctx, o, current)
		switch {
		case err != nil:
			return err
		case accepted.Full: // uses no attempt: what was acknowledged is kept until there is room
			return jobs.Snooze(fullDelay, fault.New(fault.StoreFull, "the outbox has no room for the event of this").Error())
		case accepted.Held != "":
			wait.before = accepted.Before
			if err := h.await(ctx, &wait, blocker(current, accepted.Held)); err != nil {
				return err
			}
		case accepted.Superseded:
			o.refusal = fault.New(fault.Superseded, "%s: a later job for this member has taken effect", o.kind)
		case accepted.Conflict:
			current = accepted.Current
			conflicts++
		default:
			return h.settle(ctx, current, accepted)
		}
	}
	return errors.New("change sponsorship " + string(current.UserID) + ": it is being changed by too many others at once")
}

// try stores what becomes of the sponsorship. That there is nothing to store is
// remembered, too: after a lost acknowledgement the queue delivers the job again,
// and by then the answer could be another.
func (h *Intake) try(ctx context.Context, o order, current sponsorship.Sponsorship) (ledger.Accepted, error) {
	stamp := sponsorship.Stamp{Now: h.p.Ledger.Now(current.OrganizationID), JobID: o.jobID, Vault: origin.Of(ctx).Vault()}
	next, changed, refusal := sponsorship.Decide(current, o.request, stamp)
	if o.refusal != nil {
		refusal = o.refusal
	}
	if refusal != nil || !changed {
		return h.p.Ledger.Remember(ctx, ledger.Ending{JobID: o.jobID, Kind: o.kind, Seen: current, Refusal: refusal})
	}
	write, err := ledger.Announced(current, next)
	if err != nil {
		return ledger.Accepted{}, err
	}
	return h.p.Ledger.Accept(ctx, o.jobID, write)
}

// settle ends a job whose effect is stored.
func (h *Intake) settle(ctx context.Context, s sponsorship.Sponsorship, a ledger.Accepted) error {
	if a.Next != "" { // should this fail, the queue runs it by itself, a little later
		_ = h.p.Line.Hurry(ctx, blocker(s, a.Next))
	}
	if a.Outcome != "" {
		return again(a.Outcome)
	}
	return h.wake(ctx, s.OrganizationID, a.Wake)
}

func (h *Intake) wake(ctx context.Context, org sponsorship.ID, generation string) error {
	if generation == "" {
		return nil
	}
	return h.p.Waker.Wake(ctx, org, generation)
}

// again repeats the outcome of an earlier run of the same job.
func again(outcome string) error { return jobs.Refused(fault.Parse(outcome)) }
