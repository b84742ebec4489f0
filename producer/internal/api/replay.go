package api

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// errCaughtUp ends a replay where the live events take over.
var errCaughtUp = errors.New("caught up")

// gap is what a listener missed of its organization's events: those behind
// after, up to and including until. There is none when until <= after.
type gap struct{ after, until uint64 }

// follow hands over an organization's events in order: what came behind the
// given sequence, if there is one, and then all that come. It returns when ctx
// ends, the hub ends, or the listener was dropped.
//
// Listening starts before the end of the gap is looked up, so an event is in
// the gap, or comes live, or both; its sequence tells the last case.
func (h *Hub) follow(ctx context.Context, org sponsorship.ID, after *uint64, yield func(events.Record) error) error {
	l := h.listen(org)
	defer h.leave(l)
	seen := uint64(0)
	if after != nil {
		missed, err := insist(ctx, func(ctx context.Context) (gap, error) { return h.missed(ctx, org, *after) })
		if err != nil {
			return err
		}
		if seen, err = h.replay(ctx, org, missed, yield); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r, open := <-l.live:
			if !open {
				return nil
			}
			if r.Sequence <= seen {
				continue
			}
			if err := yield(r); err != nil {
				return err
			}
		}
	}
}

// missed waits for the hub to have a position: before that, an event might be
// neither in the gap nor live. A sequence beyond the stream's end is from a
// stream that is no more; all that the new one holds was missed.
func (h *Hub) missed(ctx context.Context, org sponsorship.ID, after uint64) (gap, error) {
	select {
	case <-h.ready:
	case <-ctx.Done():
		return gap{}, ctx.Err()
	}
	stream, err := h.js.Stream(ctx, events.StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return gap{}, nil
	}
	if err != nil {
		return gap{}, err
	}
	if after > stream.CachedInfo().State.LastSeq {
		after = 0
	}
	g := gap{after: after}
	for _, subject := range (events.Filter{Organization: org}).Subjects() {
		last, err := stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return gap{}, err
		}
		g.until = max(g.until, last.Sequence)
	}
	return g, nil
}

// replay returns the sequence up to which all is seen.
func (h *Hub) replay(ctx context.Context, org sponsorship.ID, g gap, yield func(events.Record) error) (uint64, error) {
	if g.until <= g.after {
		return g.after, nil
	}
	select {
	case h.replays <- struct{}{}:
		defer func() { <-h.replays }()
	case <-ctx.Done():
		return g.after, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, h.replayTime)
	defer cancel()
	o := behind(events.WatchOptions{Filter: events.Filter{Organization: org}}, g.after)
	err := events.Watch(ctx, h.js, o, func(r events.Record) error {
		if err := yield(r); err != nil {
			return err
		}
		if r.Sequence >= g.until {
			return errCaughtUp
		}
		return nil
	})
	if errors.Is(err, errCaughtUp) {
		return g.until, nil
	}
	return g.until, errors.Join(err, ctx.Err())
}
