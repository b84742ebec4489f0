package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Kind is what a request does to a row in the cloud; lua/mark.lua knows Refresh by
// its text.
type Kind string

// The kinds.
const (
	Offer    Kind = "new"      // the cloud may insert the row, and mail
	Refresh  Kind = "refresh"  // the cloud has the row, and only answers for it
	Withdraw Kind = "withdraw" // the cloud deletes the row, or ends it
)

// Departure is one request that is about to leave.
type Departure struct {
	Request string        // names it; never the same twice, and no blanks in it
	Life    time.Duration // how long the cloud may be at work on it
	Rows    []Departing
}

// Departing is one row of it: as it was read, and as it will be when it has left.
type Departing struct {
	Kind   Kind
	Before sponsorship.Sponsorship
	After  sponsorship.Sponsorship // the same where nothing has to be noted
}

// Marked is what came of one row. The zero value: it was changed since it was read.
type Marked struct {
	Left bool      // it may leave
	Held time.Time // another request may be at work on it until then
	Lost bool      // with Held: if there is one, Redis has lost it, with the worker that sent it
}

// Mark stores, before a request leaves, what must be known of it whatever happens
// then: its rows, and until when the cloud may be at work on them. It extends the
// lease. When it returns without an error, all that survives a crash of Redis. With
// an error some rows may be noted all the same: see [Session.Apply] for taking that
// back. The error is ErrLeaseLost when the lease is gone, and ErrUncounted while Redis
// has come back and nobody knows yet what it has lost.
func (s *Session) Mark(ctx context.Context, d Departure) ([]Marked, error) {
	if len(d.Rows) == 0 {
		return nil, s.Renew(ctx)
	}
	began := time.Now()
	var marked []Marked
	err := s.ledger.durably(ctx, s.org, func(conn redis.Scripter) (err error) {
		marked, err = s.markOn(ctx, conn, d)
		return err
	})
	if err == nil {
		s.ledger.memory.begin(departed{s.org, d.Request, d.Life, began, left(d.Rows, marked)})
	}
	return marked, err
}

func (s *Session) markOn(ctx context.Context, conn redis.Scripter, d Departure) ([]Marked, error) {
	marked := make([]Marked, 0, len(d.Rows))
	for rows := range slices.Chunk(d.Rows, state.ScriptRows) {
		args := []any{s.token, LeaseLife.Milliseconds(), d.Request, d.Life.Milliseconds(), len(rows)}
		for _, row := range rows {
			more, err := s.ledger.departing(row)
			if err != nil {
				return nil, err
			}
			args = append(args, more...)
		}
		reply, err := s.ledger.scripts.mark.Run(ctx, conn, state.Keys(s.org, ""), args...).Int64Slice()
		if errors.Is(err, redis.Nil) {
			return nil, ErrLeaseLost
		}
		if err != nil {
			return nil, fmt.Errorf("note what leaves of %s: %w", s.org, err)
		}
		s.ledger.clocks.learn(state.Shard(s.org), reply[0], reply[1])
		if reply[2] == -1 {
			s.ledger.memory.uncounted.Store(true)
			return nil, ErrUncounted
		}
		for _, r := range reply[2:] {
			marked = append(marked, readMarked(r))
		}
	}
	return marked, nil
}

func readMarked(reply int64) Marked {
	switch {
	case reply > 1:
		return Marked{Held: time.UnixMilli(reply).UTC()}
	case reply < 0:
		return Marked{Held: time.UnixMilli(-reply).UTC(), Lost: true}
	}
	return Marked{Left: reply == 1}
}

func (l *Ledger) departing(d Departing) ([]any, error) {
	row := ""
	if d.After.Revision != d.Before.Revision {
		var err error
		if row, err = l.encode(d.After); err != nil {
			return nil, err
		}
	}
	return []any{string(d.Kind), string(d.Before.UserID), d.Before.Revision, flag(d.After.Due()), row}, nil
}

// Ended names rows of a request that has ended, or that never left: nothing in the
// cloud is at work on them any more.
type Ended struct {
	Request string
	Rows    []sponsorship.ID
}
