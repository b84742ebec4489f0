// Package intake carries out redeem and change-sponsorship jobs: it writes what
// is wanted into the ledger, as pending, together with the event that says so,
// and wakes the sync that carries on.
//
// A job may be delivered twice: the second run changes nothing and repeats the
// outcome of the first. The package never calls the cloud, and knows no queue: a
// handler returns what should become of its job.
package intake

import (
	"context"
	"errors"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// Waker enqueues a sync of what is pending, once per generation.
type Waker interface {
	Wake(ctx context.Context, org sponsorship.ID, generation string) error
}

// Params are an Intake's parts; all are required.
type Params struct {
	Ledger *ledger.Ledger
	Waker  Waker
}

// Intake handles redeem and change-sponsorship jobs. It is safe for concurrent use.
type Intake struct{ p Params }

// New returns an error when a part is missing.
func New(p Params) (*Intake, error) {
	if p.Ledger == nil || p.Waker == nil {
		return nil, errors.New("make intake: a ledger and a waker are needed")
	}
	return &Intake{p}, nil
}

// Redeem handles redeem jobs.
func (h *Intake) Redeem(ctx context.Context, job jobs.Job[jobs.Redeem]) error {
	a := job.Args
	request := sponsorship.Redeem{Email: a.SponsoredEmail, Name: a.FriendlyName, AdminInitiated: a.AdminInitiated}
	// Most redeems are a member's first: try that before anything is read.
	return h.decide(ctx, order{job.ID, request}, h.p.Ledger.None(a.OrganizationID, a.SponsorshipID()))
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
	return h.decide(ctx, order{job.ID, request}, seen.Sponsorship)
}

// order is what a job asks for.
type order struct {
	jobID   string
	request sponsorship.Request
}

// fullDelay is how soon a job is tried again for which there was no room.
const fullDelay = 10 * time.Second

// maxConflicts bounds how often one job loses the race for one record; then it
// takes its turn again.
const maxConflicts = 8

// decide applies the order to the sponsorship as it is believed to be, and again
// as it really is if that was wrong.
func (h *Intake) decide(ctx context.Context, o order, current sponsorship.Sponsorship) error {
	for range maxConflicts {
		stamp := sponsorship.Stamp{Now: h.p.Ledger.Now(current.OrganizationID), JobID: o.jobID}
		next, changed, err := sponsorship.Decide(current, o.request, stamp)
		if err != nil || !changed {
			return h.nothingToStore(ctx, o, current, err)
		}
		write, err := ledger.Announced(current, next)
		if err != nil {
			return err
		}
		accepted, err := h.p.Ledger.Accept(ctx, o.jobID, write)
		switch {
		case err != nil:
			return err
		case accepted.Full: // uses no attempt: what was acknowledged is kept until there is room
			return jobs.Snooze(fullDelay, fault.New(fault.StoreFull, "the outbox has no room for the event of this").Error())
		case accepted.Conflict:
			current = accepted.Current
		case accepted.Duplicate && accepted.Outcome != "":
			return again(accepted.Outcome)
		default:
			return h.wake(ctx, current.OrganizationID, accepted.Wake)
		}
	}
	return errors.New("change sponsorship " + string(current.UserID) + ": it is being changed by too many others at once")
}

// nothingToStore ends a job that the domain refused, or that finds its order
// fulfilled. That is remembered: after a lost acknowledgement the queue delivers
// the job again, and by then the answer could be another.
func (h *Intake) nothingToStore(ctx context.Context, o order, s sponsorship.Sponsorship, refusal error) error {
	outcome := ""
	if refusal != nil {
		outcome = refusal.Error()
	}
	noted, err := h.p.Ledger.Remember(ctx, s.OrganizationID, o.jobID, outcome)
	if err != nil || noted == "" {
		return err
	}
	return again(noted)
}

func (h *Intake) wake(ctx context.Context, org sponsorship.ID, generation string) error {
	if generation == "" {
		return nil
	}
	return h.p.Waker.Wake(ctx, org, generation)
}

// again repeats the outcome of an earlier run of the same job.
func again(outcome string) error { return jobs.Permanent(fault.Parse(outcome)) }
