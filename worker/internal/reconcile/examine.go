package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// sightingsApart is how far apart two sightings of damaged records must be
// before they are called so: the cloud may only be ill.
const sightingsApart = 10 * time.Minute

// examine tells whose fault it is that the cloud fails requests. It returns nil
// if the organization's records are sound, so that it must be a row. failure is
// what the cloud answered to rows; nil if it was not asked.
//
// The probe withdraws what nobody has ever offered: the cloud drops it and writes
// nothing, but loads the organization's rows first, and fails where one key is
// doubled (PROTOCOL.md 2.5, 2.6). A request without rows does not load them; it
// fails only for an ill cloud, or where nobody has generated a billing sync token
// (2.4 row 6).
func (r *round) examine(ctx context.Context, failure error) error {
	err := r.send(ctx, []item{r.probe()})
	switch {
	case err == nil:
		return r.session.Sound(ctx)
	case !choked(err):
		return err
	case failure == nil:
		failure = err
	}
	switch err := r.send(ctx, nil); {
	case choked(err):
		return r.blame(err, fault.CloudUnavailable, "even to a request without any sponsorship: either the cloud is in trouble, or nobody has generated a billing sync token for this organization there")
	case err != nil:
		return err
	}
	seen, err := r.session.SeenDamaged(ctx)
	switch {
	case err != nil:
		return err
	case seen < sightingsApart:
		told := r.blame(failure, fault.CloudUnavailable, "to every request that holds a sponsorship, but not to an empty one; looked at again in some minutes")
		told.RetryAfter = max(told.RetryAfter, sightingsApart-seen)
		return told
	}
	return r.blame(failure, fault.CloudRecordsDamaged, "to every request that holds a sponsorship, whichever it is, but not to an empty one: it holds one member's sponsorship twice")
}

// probe is a withdrawal of what nobody has ever offered.
func (r *round) probe() item {
	nobody := sponsorship.AdminKey(r.session.Organization.ID, "probe "+r.p.NewToken())
	return item{out: sponsorship.Outgoing{UserID: nobody, Tombstone: true}}
}

// blame says what the cloud's 500 is about.
func (r *round) blame(failure error, code fault.Code, says string) *cloud.Error {
	told := &cloud.Error{ServerError: true}
	if answer, ok := errors.AsType[*cloud.Error](failure); ok {
		*told = *answer
	}
	told.Fault = fault.Wrap(code, failure, "sync of organization %s: the cloud answers 500 %s", r.session.Organization.ID, says)
	return told
}
