package vault

import "time"

// Write is one change of one row. It takes effect only while the row is what it was at the
// look on which the change was decided: whoever changed it since has the last word.
type Write struct {
	Was    Row  // every column of it is compared, text byte by byte, dates as they are stored
	Delete bool // the whole row; then what follows is of no matter

	// What the three columns that are the bridge's are to be; one that is so already is
	// not written. Dates are cut to microseconds.
	Marked             bool
	Synced, ValidUntil *time.Time
}

// Outcome is what became of a write. None is final: the official code writes from copies
// that it read earlier, so every row is looked at again.
type Outcome string

// The outcomes.
const (
	Written   Outcome = "written"
	Overtaken Outcome = "overtaken" // the row differs from what it was, or is gone; nothing was written
	Busy      Outcome = "busy"      // another client held the row or the file for a second; nothing was written
)

// Sets says which columns a write that deletes nothing changes.
func (w Write) Sets() (marked, synced, validUntil bool) {
	return w.Marked != w.Was.Marked, !sameMoment(w.Synced, w.Was.Synced), !sameMoment(w.ValidUntil, w.Was.ValidUntil)
}

// Cut drops of a moment what not every engine can hold, and puts it in UTC: two that are equal
// then are one date to us (official-database.md, 1.9).
func Cut(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }

func sameMoment(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return Cut(*a).Equal(Cut(*b))
}
