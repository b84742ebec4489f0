package sponsorship

import "time"

// Over reports whether the sponsorship has come to its end: nothing of it leaves
// any more, and a redeem starts a new life.
func (s Sponsorship) Over() bool { return s.Status == Removed || s.Status == Expired }

// AtCloud reports whether the cloud holds the offer, or may hold it.
func (s Sponsorship) AtCloud() bool {
	return s.Exists() && (s.Wire.Offered != "" || s.Wire.Known)
}

// Forget returns what must stay of a sponsorship that is over, without whose it
// was, or false if it is not over or nothing is left to forget.
//
// The key, the status and the revision stay: a redeem anew counts on from them, so
// that subscribers see one order. The dates stay for whoever looks. It names what
// stays, not what goes: what a later release adds is forgotten unless it is added
// here. The revision is not raised, for nothing happened that anybody is told of.
func Forget(s Sponsorship) (Sponsorship, bool) {
	if !s.Over() {
		return s, false
	}
	kept := Sponsorship{
		OrganizationID: s.OrganizationID, UserID: s.UserID, AdminInitiated: s.AdminInitiated, Vault: s.Vault,
		Status: s.Status, Revision: s.Revision,
		LastSyncAt: s.LastSyncAt, ValidUntil: s.ValidUntil, UpdatedAt: s.UpdatedAt,
	}
	return kept, kept != s
}

// Forgotten reports whether Forget has left nothing of whose it was.
func (s Sponsorship) Forgotten() bool {
	_, left := Forget(s)
	return s.Over() && !left
}

// remembered is how long something may still name a sponsorship that is over: its
// last event stays in the stream, and a job that died can be run again.
const remembered = 90 * 24 * time.Hour

// DropAt returns when the record as a whole may go, or false if it stays. A
// member's own record stays, there are no more of them than members; one that an
// admin initiated has a key of its own for each address, and they would pile up. One
// of which the vault has a row stays as long as that does.
func DropAt(s Sponsorship) (time.Time, bool) {
	return s.UpdatedAt.Add(remembered), s.Over() && s.AdminInitiated && !s.Vault
}
