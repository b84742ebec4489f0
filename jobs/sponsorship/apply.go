package sponsorship

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Answer is what a 200 of the cloud says about one row.
type Answer struct {
	Present    bool       // the row is in the answer; the cloud drops what it refuses (PROTOCOL.md 2.5)
	Removed    bool       // cloudSponsorshipRemoved
	ValidUntil *time.Time // the cloud's, nil until redeemed
	Others     bool       // the answer holds at least one row of anybody
}

// Apply returns what the answer makes of the sponsorship that was sent as out.
// The revision is raised by one. The caller stores it only if the record is
// still at out.Marked.Revision: a change made meanwhile wins.
func Apply(out Outgoing, a Answer, now time.Time) Sponsorship {
	next := out.Marked
	switch {
	case out.Tombstone && a.Present && !a.Removed:
		next = next.stillRedeemed(a, now)
	case out.Tombstone && (a.Present || a.Others || out.repeated || lapsed(next.ValidUntil, now)):
		next = next.withdrawn()
	case out.Tombstone:
		next = next.undecided()
	case !a.Present:
		next = next.leftOut()
	default:
		next = next.confirmed(a, now)
	}
	next.Revision++
	next.UpdatedAt = now
	return next
}

// Poisoned refuses a row that made the cloud fail a request all by itself. The
// cloud may have inserted it before it failed, so Wire.Offered stays.
func Poisoned(out Outgoing, now time.Time) Sponsorship {
	next := out.Marked
	next.Status, next.Intent = Refused, ""
	next.Reason = refusal("the cloud fails every request that holds this row; edit the address or the label")
	next.Wire.Poison = true
	next.Revision++
	next.UpdatedAt = now
	return next
}

// Unfit refuses a sponsorship whose address or label must not enter a batch;
// the cloud never sees it.
func Unfit(s Sponsorship, now time.Time) Sponsorship {
	s.Status, s.Intent = Refused, ""
	s.Reason = refusal("its address or label would make the cloud fail the whole request; change it")
	s.Revision++
	s.UpdatedAt = now
	return s
}

// stillRedeemed: the tombstone met a redeemed row, which the cloud keeps until
// its end. For a changed address that is a race lost to the recipient.
func (s Sponsorship) stillRedeemed(a Answer, now time.Time) Sponsorship {
	if s.Status != Expiring { // later answers confirm what was told already
		s.Reason = nil
	}
	if s.Intent == IntentChange {
		s = s.editedInPlace(s.Wire.Offered, "")
		s.Reason = alreadyRedeemed()
	}
	s.Status, s.Intent = Expiring, ""
	s.LastSyncAt, s.ValidUntil, s.Wire.Known = &now, a.ValidUntil, true
	s.Wire.Tombstoned = false
	return s
}

// undecided: an answer without any row proves little. A plan that may not
// sponsor looks the same as "gone already", so the withdrawal is tried again
// with each full sync. Where the cloud once confirmed the row, this tombstone was
// answered and the next one is a first; where it never did, a second silence is
// proof enough.
func (s Sponsorship) undecided() Sponsorship {
	s.Wire.Tombstoned = !s.Wire.Known
	if s.Status == Pending {
		s.Reason = refusal("the cloud's answer left the withdrawal out, and every other row too")
	}
	return s
}

// withdrawn: the cloud no longer holds the row. That ends a revocation, and is
// the middle of a changed address, whose new offer comes next.
func (s Sponsorship) withdrawn() Sponsorship {
	if s.revoking() {
		return s.gone()
	}
	s.Status, s.Intent, s.Reason = Pending, IntentChange, nil
	s.Wire = Wire{Tombstoned: true}
	return s
}

// leftOut: a 200 without the row is the cloud's only way to refuse it.
func (s Sponsorship) leftOut() Sponsorship {
	s.Status, s.Intent = Refused, ""
	s.Reason = refusal("the cloud answered and left this sponsorship out")
	s.Wire.AskedAt = time.Time{}
	if !s.Wire.Known {
		s.Wire.Offered = ""
	}
	return s
}

// confirmed: the cloud holds the row.
func (s Sponsorship) confirmed(a Answer, now time.Time) Sponsorship {
	if lapsed(a.ValidUntil, now) && (s.Intent == IntentRedeem || s.Status == Refused && s.ValidUntil == nil) {
		return s.behindAnOldOne()
	}
	s.LastSyncAt, s.ValidUntil, s.Wire.Known = &now, a.ValidUntil, true
	s.Wire.Poison = false
	asking := s.addressChanged()
	switch {
	case asking && a.ValidUntil == nil:
		s.Status, s.Intent, s.Reason = Pending, IntentChange, nil
		s.Wire.AskedAt = now
		return s
	case asking:
		s = s.editedInPlace(s.Wire.Offered, "")
		s.Reason = alreadyRedeemed()
	case s.Status != Redeemed:
		s.Reason = nil
	}
	s.Status, s.Intent = Sent, ""
	if a.ValidUntil != nil {
		s.Status = Redeemed
	}
	if lapsed(a.ValidUntil, now) {
		s.Status = Expired
	}
	return s
}

// behindAnOldOne: the cloud still keeps the member's former sponsorship, long
// over, under the same key, and mails nobody. Once it has purged that one, some
// 90 days after its end, a full sync gets the new one through.
func (s Sponsorship) behindAnOldOne() Sponsorship {
	s = s.leftOut()
	s.Reason = refusal("the cloud still keeps this member's former sponsorship, which has ended; offered again until it is purged there")
	return s
}

func refusal(message string) *Reason {
	return &Reason{Code: string(fault.NotAccepted), Message: message}
}

func alreadyRedeemed() *Reason {
	return &Reason{
		Code:    string(fault.AlreadyRedeemed),
		Message: "the address was not changed: the recipient had already accepted the offer",
	}
}
