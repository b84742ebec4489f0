package sponsorship

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

const (
	// askFresh is how long the cloud's word that an offer was not redeemed is
	// good for: the tombstone that follows can't be taken back, so it must
	// follow in the same sync. Waiting for a turn takes at most 45 s of it.
	askFresh = time.Minute
	// lapseAfter is how long past its end a redeemed row is still synced.
	lapseAfter = 30 * 24 * time.Hour
	// purgeAfter is when the cloud may have purged the row (PROTOCOL.md 6.5);
	// a plain row sent after that would be created and mailed anew.
	purgeAfter = 90 * 24 * time.Hour
)

// Outgoing is one row of a request. Marked must be stored before the request
// leaves if it differs from the planned sponsorship.
type Outgoing struct {
	UserID      ID
	Email, Name string
	Tombstone   bool // sent with lastSyncDate null, always: PROTOCOL.md 2.5 row 7
	Alone       bool // must not share a request: it has made one fail before
	Marked      Sponsorship

	repeated bool // a tombstone for this row had left before this one
}

// Plan says what to send to the cloud for s, or false for nothing.
func Plan(s Sponsorship, now time.Time) (Outgoing, bool) {
	if !s.Exists() {
		return Outgoing{}, false
	}
	out := Outgoing{UserID: s.UserID, Email: s.Email, Name: s.Name, Alone: s.Wire.Poison, Marked: s}
	if s.Wire.Offered != "" { // also where the wanted one differs in case: that is no other address
		out.Email = s.Wire.Offered
	}
	switch {
	case s.Revoking(), s.withdrawing(now):
		out.Tombstone, out.repeated = true, s.Wire.Tombstoned
		out.Marked.Wire.Tombstoned = true
	case s.replacing():
		out.Marked.Wire.Unsure = s.unsure()
	default:
		out.Marked.Wire.Unsure = s.unsure()
		out.Marked.Wire.Offered = out.Email
		out.Marked.Wire.Tombstoned, out.Marked.Wire.AskedAt = false, time.Time{}
	}
	if s.held() { // no longer
		out.Marked.Reason, out.Marked.Wire.HeldUntil = nil, time.Time{}
	}
	if out.Marked != s {
		out.Marked.Revision++
		out.Marked.UpdatedAt = now
	}
	return out, true
}

// Fit reports whether the row may enter a batch. A row that the cloud has taken
// does no harm again, and withdrawals are never held back.
func (o Outgoing) Fit() bool {
	return o.Tombstone || CheckName(o.Name) == nil && (o.Marked.Wire.Known || CheckEmail(o.Email) == nil)
}

// withdrawing reports whether the middle step of a changed address is due: the
// cloud has just said that nobody redeemed the old offer, or a tombstone may have
// arrived already and its fate must be learned.
func (s Sponsorship) withdrawing(now time.Time) bool {
	if s.Wire.Offered == "" {
		return false
	}
	asked := now.Sub(s.Wire.AskedAt)
	// The ledger's time, as a worker knows it, may step back by the length of a reply.
	return s.Wire.Tombstoned || s.replacing() && asked.Abs() < askFresh
}

// unsure reports whether the cloud may have inserted the row without mailing it:
// it left before, as new, and no answer has ever told of it. An adopted one was
// mailed for whoever told the cloud of it.
func (s Sponsorship) unsure() bool {
	return s.Wire.Unsure || s.Wire.Offered != "" && !s.Wire.Known && !s.Wire.Adopted
}

// Lapse turns a sponsorship that was redeemed and is long over into an expired
// one, or returns false. One that was not asked about since it lapsed may have been
// renewed while nothing ran here; it is asked about once more, unless the cloud
// may have purged it by now.
//
// What is over is asked of today, see [Answer]; now is stamped on the result.
func Lapse(s Sponsorship, today, now time.Time) (Sponsorship, bool) {
	if s.Revoking() || !s.Exists() || !lapsed(s.ValidUntil, today) {
		return s, false
	}
	asked := s.LastSyncAt != nil && lapsed(s.ValidUntil, *s.LastSyncAt)
	if !asked && today.Before(s.ValidUntil.Add(purgeAfter)) {
		return s, false
	}
	s.Status, s.Intent, s.Reason = Expired, "", nil
	s.Revision++
	s.UpdatedAt = now
	return s, true
}

func lapsed(validUntil *time.Time, at time.Time) bool {
	return validUntil != nil && at.After(validUntil.Add(lapseAfter))
}

// Due reports whether the next sync of what is pending should take s along. A
// pending one that carries a reason was tried and waits for a full sync, unless it
// only waits for a time, or came with that reason.
func (s Sponsorship) Due() bool {
	return s.Status == Pending && (s.Reason == nil || s.held() || s.Reason.Code == fault.RecipientUnconfirmed)
}
