package ledger

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Write is one record to store by compare-and-set: Before is the revision at
// which it was read (0 for none), and Event, if any, is stored with it.
type Write struct {
	Before uint64
	After  sponsorship.Sponsorship
	Event  *events.Encoded
	DueAt  time.Time // when it may leave, if that is later than now
}

// Announced is the write of a change, with the event that tells of it. A change
// that the world does not hear about has none.
func Announced(before, after sponsorship.Sponsorship) (Write, error) {
	w := Write{Before: before.Revision, After: after}
	encoded, changed, err := events.Announce(before, after)
	if err == nil && changed {
		w.Event = &encoded
	}
	return w, err
}

// encode is [state.Ledger.Encoder], applied.
func (l *Ledger) encode(s sponsorship.Sponsorship) (string, error) {
	if l.Older() {
		return state.EncodePlain(s)
	}
	return state.EncodeRow(s)
}

// args are what put and emit of lua/prelude.lua take.
func (l *Ledger) args(ctx context.Context, w Write) ([]any, error) {
	row, err := l.encode(w.After)
	if err != nil {
		return nil, err
	}
	due := int64(flag(w.After.Due()))
	if due == 1 && !w.DueAt.IsZero() {
		due = w.DueAt.UnixMilli()
	}
	return append([]any{string(w.After.UserID), w.Before, due, row}, eventArgs(ctx, w.Event)...), nil
}

// eventArgs are those of emit: the event, and of what trace it is.
func eventArgs(ctx context.Context, e *events.Encoded) []any {
	if e == nil {
		return []any{"", ""}
	}
	return []any{e.ID, e.Traced(tracing.Parent(ctx)).Payload}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
