package intake

import (
	"context"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// RedeemAll carries out those redeems that are a member's first and whose turn it is, which
// most are, and reports which have ended. The others are to be handled one by one, as if
// nothing had been.
func (h *Intake) RedeemAll(ctx context.Context, all []jobs.Job[jobs.Redeem]) (ended []bool) {
	var wishes []ledger.Wish
	var places []int
	for n, job := range all {
		if w, ok := h.first(job); ok {
			wishes, places = append(wishes, w), append(places, n)
		}
	}
	ended = make([]bool, len(all))
	for i, a := range h.p.Ledger.AcceptAll(ctx, wishes) {
		if a.Err != nil || a.Conflict || a.Full || a.Held != "" || a.Superseded || a.Outcome != "" {
			continue
		}
		ended[places[i]] = h.settle(ctx, wishes[i].Write.After, a.Accepted) == nil
	}
	return ended
}

// first is what a redeem stores of a member who never sponsored anyone.
func (h *Intake) first(job jobs.Job[jobs.Redeem]) (ledger.Wish, bool) {
	none := h.p.Ledger.None(job.Args.OrganizationID, job.Args.SponsorshipID())
	next, changed, refusal := sponsorship.Decide(none, redeemRequest(job.Args), sponsorship.Stamp{Now: h.p.Ledger.Now(none.OrganizationID), JobID: job.ID})
	if refusal != nil || !changed {
		return ledger.Wish{}, false
	}
	w, err := ledger.Announced(none, next)
	return ledger.Wish{JobID: job.ID, Write: w}, err == nil
}

func redeemRequest(a jobs.Redeem) sponsorship.Redeem {
	return sponsorship.Redeem{Email: a.SponsoredEmail, Name: a.FriendlyName, AdminInitiated: a.AdminInitiated}
}
