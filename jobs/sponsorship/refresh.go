package sponsorship

import "time"

// Refreshed reports whether an answer has changed nothing but dates: that the cloud
// still holds the row as it is. A full sync notes that once for all of them; see
// [Sponsorship.SyncedAt].
func Refreshed(before, after Sponsorship) bool {
	same := before.ValidUntil == after.ValidUntil ||
		before.ValidUntil != nil && after.ValidUntil != nil && before.ValidUntil.Equal(*after.ValidUntil)
	if before.Reason != nil && after.Reason != nil && *before.Reason == *after.Reason {
		after.Reason = before.Reason
	}
	after.LastSyncAt, after.ValidUntil = before.LastSyncAt, before.ValidUntil
	after.UpdatedAt, after.Revision = before.UpdatedAt, before.Revision
	return same && before == after
}

// SyncedAt is when the cloud last confirmed the row: with its own answer, or with
// that of a full sync, which covers every row that the cloud holds.
func (s Sponsorship) SyncedAt(fullSync *time.Time) *time.Time {
	if s.LastSyncAt == nil || fullSync == nil || s.LastSyncAt.After(*fullSync) {
		return s.LastSyncAt
	}
	switch s.Status {
	case Sent, Redeemed, Expiring:
		if s.Withheld() {
			return s.LastSyncAt
		}
		return fullSync
	}
	return s.LastSyncAt
}
