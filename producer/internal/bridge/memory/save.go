package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// Begin stores first, without links, where nothing is remembered yet: the key of the digests
// must be there before anything that is made with it.
func (s *Store) Begin(ctx context.Context, k Kept, first merge.Memory) (Kept, error) {
	if !k.New {
		return k, nil
	}
	k.Memory = first
	w := write{key: s.sealKey(k)}
	var err error
	if w.memory, err = encode(first); err == nil {
		w.shown, err = shown(first)
	}
	if err == nil {
		k.edit, err = s.run(ctx, k, w)
	}
	k.New = err != nil
	return k, err
}

// Save stores what has changed between the memory as it was read and after, and
// tells the world of holds that began or ended. It returns the memory as it is now, or
// [ErrOvertaken]. Links go first, a part at a time: whoever is cut off between two parts
// has remembered only rows whose jobs were acknowledged.
func (s *Store) Save(ctx context.Context, k Kept, after merge.Memory, at time.Time) (Kept, error) {
	k, err := s.Begin(ctx, k, merge.Memory{})
	if err != nil {
		return k, err
	}
	changed, gone, err := k.differences(after)
	if err != nil {
		return k, err
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(changed)), state.ScriptRows) {
		w := write{}
		for _, id := range part {
			w.links = append(w.links, id, changed[id])
		}
		if k.edit, err = s.run(ctx, k, w); err != nil {
			return k, err
		}
	}
	for part := range slices.Chunk(gone, state.ScriptRows) {
		if k.edit, err = s.run(ctx, k, write{gone: part}); err != nil {
			return k, err
		}
	}
	return s.finish(ctx, k, after, at)
}

// finish stores all but the links, with the events.
func (s *Store) finish(ctx context.Context, k Kept, after merge.Memory, at time.Time) (Kept, error) {
	w := write{}
	var err error
	if w.memory, err = encode(after); err != nil {
		return k, err
	}
	if w.shown, err = shown(after); err != nil {
		return k, err
	}
	if w.events, err = k.news(after, at); err != nil {
		return k, err
	}
	if k.edit, err = s.run(ctx, k, w); err == nil {
		k.Memory = after
	}
	return k, err
}

// differences returns the links to store, and those to drop.
func (k Kept) differences(after merge.Memory) (changed map[string]string, gone []string, err error) {
	changed = map[string]string{}
	for id, link := range after.Links {
		text, err := encode(link)
		if err != nil {
			return nil, nil, fmt.Errorf("encode the link of row %s: %w", id, err)
		}
		if k.stored[id] != text {
			changed[id], k.stored[id] = text, text
		}
	}
	for id := range k.stored {
		if _, kept := after.Links[id]; !kept {
			gone = append(gone, id)
			delete(k.stored, id)
		}
	}
	return changed, gone, nil
}

// news are the events of holds that began or ended.
func (k Kept) news(after merge.Memory, at time.Time) ([]string, error) {
	var documents []string
	add := func(h merge.Hold, encode func(events.Bridge, time.Time) (events.Encoded, error)) error {
		e, err := encode(events.Bridge{OrganizationID: k.org, OrganizationUserID: h.User, Reason: h.Reason}, at)
		documents = append(documents, string(e.Payload))
		return err
	}
	for _, h := range after.Holds {
		if !contains(k.Holds, h) {
			if err := add(h, events.NewHeld); err != nil {
				return nil, err
			}
		}
	}
	for _, h := range k.Holds {
		if !contains(after.Holds, h) {
			if err := add(h, events.NewResumed); err != nil {
				return nil, err
			}
		}
	}
	return documents, nil
}

func contains(all []merge.Hold, h merge.Hold) bool {
	return slices.ContainsFunc(all, func(other merge.Hold) bool { return other.Reason == h.Reason && other.User == h.User })
}

// write is what one script stores.
type write struct {
	memory, shown, key string   // empty: as it was
	links              []string // id and link by turns
	gone, events       []string
}

// run returns the edit that stands afterwards.
func (s *Store) run(ctx context.Context, k Kept, w write) (string, error) {
	args := []any{k.edit, w.memory, w.shown, w.key, len(w.links), len(w.gone)}
	for _, list := range [][]string{w.links, w.gone, w.events} {
		for _, text := range list {
			args = append(args, text)
		}
	}
	keys := append(state.Keys(k.org, ""), state.BridgeKey(k.org), linksKey(k.org))
	n, err := s.save.Run(ctx, s.rdb, keys, args...).Int64()
	switch {
	case errors.Is(err, redis.Nil):
		return "", ErrOvertaken
	case err != nil:
		return "", fmt.Errorf("write the bridge's memory of %s: %w", k.org, err)
	}
	return strconv.FormatInt(n, 10), nil
}
