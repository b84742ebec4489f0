package handler

import (
	"context"
	"errors"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Intake carries out redeem and change-sponsorship: it writes what is wanted
// into the ledger, as pending. It never calls the cloud.
type Intake struct {
	Ledger *state.Ledger
	Waker  Waker
	Now    func() time.Time
}

// Redeem handles redeem jobs.
func (h *Intake) Redeem(ctx context.Context, job jobs.Job[jobs.Redeem]) error {
	a := job.Args
	none := sponsorship.Sponsorship{OrganizationID: a.OrganizationID, UserID: a.SponsorshipID()}
	request := sponsorship.Redeem{Email: a.SponsoredEmail, Name: a.FriendlyName, AdminInitiated: a.AdminInitiated}
	// Most redeems are a member's first: try that before anything is read.
	return h.decide(ctx, wish{job.ID, request}, none)
}

// ChangeSponsorship handles change-sponsorship jobs.
func (h *Intake) ChangeSponsorship(ctx context.Context, job jobs.Job[jobs.ChangeSponsorship]) error {
	a := job.Args
	var request sponsorship.Request = sponsorship.Change{Email: a.SponsoredEmail, Name: a.FriendlyName}
	if a.Revoke {
		request = sponsorship.Revoke{}
	}
	seen, err := h.Ledger.Look(ctx, a.OrganizationID, a.OrganizationUserID, job.ID)
	switch {
	case err != nil:
		return err
	case seen.Applied && seen.Outcome != "":
		return again(seen.Outcome)
	case seen.Applied: // perhaps nobody was woken then
		return h.wake(ctx, a.OrganizationID, seen.Generation)
	}
	return h.decide(ctx, wish{job.ID, request}, seen.Sponsorship)
}

// wish is what a job asks for.
type wish struct {
	jobID   string
	request sponsorship.Request
}

// maxConflicts bounds how often one job loses the race for one record; then it
// takes its turn again.
const maxConflicts = 8

// decide applies the wish to the sponsorship as it is believed to be, and again
// as it really is if that was wrong.
func (h *Intake) decide(ctx context.Context, w wish, current sponsorship.Sponsorship) error {
	for range maxConflicts {
		now := h.Now()
		next, changed, err := sponsorship.Decide(current, w.request, sponsorship.Stamp{Now: now, JobID: w.jobID})
		if err != nil || !changed {
			return h.nothingToStore(ctx, w, current, err)
		}
		write, err := announced(current, next)
		if err != nil {
			return err
		}
		accepted, err := h.Ledger.Accept(ctx, w.jobID, write, now)
		switch {
		case err != nil:
			return err
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

// nothingToStore ends a job that the domain refused, or that finds its wish
// fulfilled. That is remembered: after a lost acknowledgement the queue delivers
// the job again, and by then the answer could be another.
func (h *Intake) nothingToStore(ctx context.Context, w wish, s sponsorship.Sponsorship, refusal error) error {
	outcome := ""
	if refusal != nil {
		outcome = refusal.Error()
	}
	noted, err := h.Ledger.Remember(ctx, s.OrganizationID, w.jobID, outcome)
	if err != nil || noted == "" {
		return err
	}
	return again(noted)
}

func (h *Intake) wake(ctx context.Context, org sponsorship.ID, generation string) error {
	if generation == "" {
		return nil
	}
	return h.Waker.Wake(ctx, org, generation)
}

// again repeats the outcome of an earlier run of the same job.
func again(outcome string) error { return jobs.Permanent(fault.Parse(outcome)) }

func announced(before, after sponsorship.Sponsorship) (state.Write, error) {
	write := state.Write{Before: before.Revision, After: after}
	encoded, changed, err := events.Announce(before, after)
	if err == nil && changed {
		write.Event = (*state.Event)(&encoded)
	}
	return write, err
}
