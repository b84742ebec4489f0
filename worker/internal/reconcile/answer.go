package reconcile

import (
	"context"
	"slices"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// answered is what a 200 made of the items that were sent in it.
type answered struct {
	changes    []change
	taken      int // rows of the answer
	passedOver int // rows that the cloud had taken before and left out now
}

func readAnswers(items []item, answers []cloud.RowAnswer, at moment) answered {
	byUser := make(map[sponsorship.ID]cloud.RowAnswer, len(answers))
	for _, a := range answers {
		byUser[sponsorship.ID(a.UserID)] = a
	}
	read := answered{taken: len(answers)}
	for _, it := range items {
		wire := it.out.Marked.Wire
		known := wire.Known || wire.Adopted && len(answers) == 0 // where others are answered, it may be the row
		if _, present := byUser[it.out.UserID]; !present && !it.out.Tombstone && known {
			read.passedOver++
		}
	}
	for _, it := range items {
		a, present := byUser[it.out.UserID]
		after := sponsorship.Apply(it.out, sponsorship.Answer{
			Present: present, Removed: a.Removed, ValidUntil: a.ValidUntil,
			Others: len(answers) > 0, Ineligible: read.passedOver > 0, Today: at.today,
		}, at.now)
		if after.Revision != it.out.Marked.Revision {
			read.changes = append(read.changes, change{it.out.Marked, after})
		}
	}
	return read
}

// apply stores what the answers to the items say.
func (r *round) apply(ctx context.Context, items []item, answers []cloud.RowAnswer) error {
	read := readAnswers(items, answers, r.moment())
	r.taken += read.taken
	r.passedOver += read.passedOver
	if r.full { // which tells of what is as it was; there is one date for all that
		read.changes = slices.DeleteFunc(read.changes, func(c change) bool { return sponsorship.Refreshed(c.before, c.after) })
	}
	return r.finish(ctx, read.changes, r.ended(items))
}

// planFault is what a round that the cloud answered has to tell all the same: it
// passed over sponsorships that it knows, which it does for every one of an
// organization whose plan may not sponsor. Where it was asked about no such one,
// what an earlier sync told still holds.
func (r *round) planFault() *fault.Error {
	org := r.session.Organization
	switch {
	case r.passedOver > 0:
		return fault.New(fault.PlanNotEligible, "sync of organization %s: the cloud answered and left out %d sponsorships that it knows", org.ID, r.passedOver)
	case !r.full && r.taken == 0 && org.LastError != nil && org.LastError.Code == fault.PlanNotEligible:
		return &org.LastError.Error
	}
	return nil
}
