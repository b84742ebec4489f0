package reconcile

import (
	"context"
	"errors"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

const (
	// serverErrorLimit is how many attempts in a row the cloud may fail by itself
	// before the batch is suspected.
	serverErrorLimit = 2
	// maxSuspects ends the search: when that many rows fail one by one, it is
	// not the rows.
	maxSuspects = 4
)

// search is what halving a batch has found so far.
type search struct{ suspects []item }

// isolate finds the row that makes the cloud fail, by halves. It first asks
// with no row at all: an organization that has no billing sync token in the
// cloud gets a 500 for everything (PROTOCOL.md 2.4 row 6), and one whose rows
// are doubled there for every row (2.6); neither is the fault of a row here.
func (r *round) isolate(ctx context.Context, items []item, failure error) error {
	if _, err := r.send(ctx, nil); err != nil {
		return r.organizationLevel(err, "even to a request without any sponsorship: either the cloud is in trouble, or nobody has generated a billing sync token for this organization there")
	}
	// The cloud is well again: perhaps it was only ill.
	answers, err := r.send(ctx, items)
	var again *cloud.Error
	switch {
	case err == nil:
		return r.apply(ctx, items, answers)
	case !errors.As(err, &again) || !again.ServerError:
		return err
	}
	var found search
	if err := r.halve(ctx, items, &found); err != nil {
		return err
	}
	if len(found.suspects) == len(items) && len(items) > 1 || len(found.suspects) > maxSuspects {
		return r.organizationLevel(failure, "to every sponsorship alone, but not to none: the cloud's own records of this organization are damaged; ask Bitwarden's support")
	}
	poisoned := make([]change, len(found.suspects))
	for i, it := range found.suspects {
		poisoned[i] = change{it.out.Marked, sponsorship.Poisoned(it.out, r.session.Now())}
		r.p.Log.Warn().Stringer("organization", r.session.Organization.ID).Stringer("sponsorship", it.out.UserID).
			Msg("the cloud fails every request that holds this sponsorship; it is refused, the others went through")
	}
	return r.store(ctx, poisoned)
}

// halve sends each half of a batch that failed. What the cloud takes is stored
// at once; a row that fails alone is a suspect.
func (r *round) halve(ctx context.Context, items []item, found *search) error {
	if len(items) == 1 {
		found.suspects = append(found.suspects, items[0])
		return nil
	}
	middle := len(items) / 2
	for _, half := range [][]item{items[:middle], items[middle:]} {
		if len(found.suspects) > maxSuspects {
			return nil
		}
		answers, err := r.send(ctx, half)
		var refused *cloud.Error
		switch {
		case err == nil:
			err = r.apply(ctx, half, answers)
		case errors.As(err, &refused) && refused.ServerError:
			err = r.halve(ctx, half, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// organizationLevel says that the trouble is not one row's.
func (r *round) organizationLevel(failure error, says string) error {
	answer, ok := errors.AsType[*cloud.Error](failure)
	if !ok || !answer.ServerError {
		return failure
	}
	told := *answer
	told.Fault = fault.Wrap(answer.Fault.Code, answer.Fault, "sync of organization %s: the cloud answers 500 %s", r.session.Organization.ID, says)
	return &told
}
