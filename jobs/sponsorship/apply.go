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
	Ineligible bool       // a row that the cloud had taken before was left out of the same answer

	// Today is the calendar's, by which the cloud's own dates are judged. The ledger's
	// time may have been put far ahead of it; zero is that.
	Today time.Time
}

func (a Answer) today(now time.Time) time.Time {
	if a.Today.IsZero() {
		return now
	}
	return a.Today
}

// maxSilences is how many full syncs a withdrawal of an offer that the cloud had
// taken is tried without any row in the answer before it counts as done. Daily
// syncs make that a week: long enough for a lapsed plan to be noticed.
const maxSilences = 7

// Apply returns what the answer makes of the sponsorship that was sent as out.
// The revision is raised by one if anything changed. The caller stores it only
// if the record is still at out.Marked.Revision: a change made meanwhile wins.
func Apply(out Outgoing, a Answer, now time.Time) Sponsorship {
	next := out.Marked
	switch {
	case out.Tombstone && a.Present && !a.Removed:
		next = next.stillRedeemed(a, now)
	case out.Tombstone && (a.Present || a.Others || out.repeated || lapsed(next.ValidUntil, a.today(now))):
		next = next.withdrawn()
	case out.Tombstone:
		next = next.undecided(a)
	case !a.Present && (next.Wire.Known || next.Wire.Adopted && (!a.Others || a.Ineligible)):
		next = next.passedOver()
	case !a.Present:
		next = next.leftOut()
	default:
		next = next.confirmed(a, now)
	}
	if next == out.Marked {
		return next
	}
	next.Revision++
	next.UpdatedAt = now
	return next
}

// Poisoned notes that the row made the cloud fail a request all by itself. A new
// one is refused; the cloud may have inserted it before it failed, so
// Wire.Offered stays. One that the cloud had taken, and a withdrawal, keep their
// status.
func Poisoned(out Outgoing, now time.Time) Sponsorship {
	next := out.Marked
	if !out.Tombstone && !next.Wire.Known {
		next.Status, next.Intent = Refused, ""
	}
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
	if s.Intent == IntentChange || s.Intent == IntentRedeem {
		s = s.tooLate()
	}
	s.Status, s.Intent = Expiring, ""
	s.LastSyncAt, s.ValidUntil, s.Wire.Known = &now, a.ValidUntil, true
	s.Wire.Tombstoned, s.Wire.Silences = false, 0
	s.Wire.Adopted, s.Wire.Leaving, s.Wire.Unconfirmed = false, false, false
	return s
}

// undecided: an answer without any row proves little. A plan that may not
// sponsor looks the same as "gone already", so the withdrawal is tried again
// with each full sync. Where the cloud once confirmed the row, this tombstone was
// answered and the next one is a first, and only many silences in a row count;
// where it never did, a second silence is proof enough. An adopted row counts as
// confirmed: somebody else saw to that.
func (s Sponsorship) undecided(a Answer) Sponsorship {
	s.Wire.Tombstoned = !s.Wire.Known && !s.Wire.Adopted
	if s.Intent == IntentAdopt { // the first sync has been
		s.Intent, s.Wire.Leaving, s.Wire.Unconfirmed = IntentRevoke, false, false
	}
	if !a.Ineligible {
		s.Wire.Silences++
	}
	if s.Wire.Silences < maxSilences {
		if s.Status == Pending {
			s.Reason = refusal("the cloud's answer left the withdrawal out, and every other row too")
		}
		return s
	}
	offered := s.Wire.Offered
	if s = s.withdrawn(); s.Status == Removed {
		// Should the member redeem again, the first thing is to make sure.
		s.Wire = Wire{Offered: offered, Known: true, Tombstoned: true}
		s.Reason = refusal("taken for removed: the cloud answered many full syncs without this sponsorship or any other")
	}
	return s
}

// withdrawn: the cloud no longer holds the row. That ends a revocation, and is
// the middle of a changed address, whose new offer comes next.
func (s Sponsorship) withdrawn() Sponsorship {
	if s.Revoking() {
		return s.gone()
	}
	s.Status, s.Intent, s.Reason = Pending, IntentChange, nil
	s.Wire = Wire{Tombstoned: true}
	return s
}

// passedOver: the cloud had taken the row and leaves it out now, as it does with
// every row of an organization whose plan may not sponsor. It is still there.
func (s Sponsorship) passedOver() Sponsorship {
	s.Wire.AskedAt = time.Time{}
	if s.Status == Pending { // waits for a full sync
		s.Reason = &Reason{Code: fault.PlanNotEligible, Message: "the cloud answered and left out this sponsorship, which it knows"}
	}
	return s
}

// leftOut: a 200 without the row is the cloud's only way to refuse a new one.
// Where an earlier request got no answer the row may be there all the same.
func (s Sponsorship) leftOut() Sponsorship {
	s.Status, s.Intent = Refused, ""
	s.Reason = refusal("the cloud answered and left this sponsorship out")
	s.Wire.AskedAt, s.Wire.Adopted = time.Time{}, false
	if !s.Wire.Known && !s.Wire.Unsure {
		s.Wire.Offered = ""
	}
	return s
}

// confirmed: the cloud holds the row.
func (s Sponsorship) confirmed(a Answer, now time.Time) Sponsorship {
	if lapsed(a.ValidUntil, a.today(now)) && (s.Intent == IntentRedeem || s.Status == Refused && s.ValidUntil == nil) {
		return s.behindAnOldOne()
	}
	recreated := s.ValidUntil != nil && a.ValidUntil == nil
	if s.Status != Redeemed || s.Wire.Poison || recreated {
		s.Reason = nil
	}
	s.LastSyncAt, s.ValidUntil, s.Wire.Known = &now, a.ValidUntil, true
	s.Wire.Poison, s.Wire.Silences, s.Wire.Adopted = false, 0, false
	s.Wire.Unsure = s.Wire.Unsure && a.ValidUntil == nil
	s.Wire.Unconfirmed = s.Wire.Unconfirmed && a.ValidUntil == nil
	switch {
	case s.replacing() && a.ValidUntil == nil:
		s.Status, s.Intent = Pending, IntentChange
		s.Wire.AskedAt = now
		return s
	case s.replacing():
		s = s.tooLate()
	}
	s.Intent = ""
	switch {
	case lapsed(a.ValidUntil, a.today(now)):
		s.Status = Expired
	case a.ValidUntil != nil:
		s.Status = Redeemed
	case recreated:
		s.Status, s.Reason = Sent, &Reason{Code: fault.OfferRecreated, Message: "the cloud had lost the redeemed sponsorship, and has offered and mailed it anew"}
	case s.Wire.Unsure:
		s.Status, s.Reason = Sent, &Reason{Code: fault.MailUncertain, Message: "the cloud has the offer, but the request that brought it failed or got no answer: perhaps nobody was mailed"}
	default:
		s.Status, s.Reason = Sent, s.unconfirmed()
	}
	return s
}

// tooLate: the recipient accepted before the offer could be replaced, so what
// was offered stands.
func (s Sponsorship) tooLate() Sponsorship {
	if !SameAddress(s.Wire.Offered, s.Email) {
		s = s.editedInPlace(s.Wire.Offered, "")
	}
	s.Wire.Anew = false
	s.Reason = &Reason{
		Code:    fault.AlreadyRedeemed,
		Message: "the offer was not changed: the recipient had already accepted it",
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
	return &Reason{Code: fault.NotAccepted, Message: message}
}
