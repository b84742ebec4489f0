package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Ledger reads and changes the records in Redis. It is safe for concurrent use.
type Ledger struct {
	rdb     redis.UniversalClient
	sealer  *Sealer
	scripts scripts
}

// New returns a ledger on the client, which stays the caller's to close.
func New(rdb redis.UniversalClient, sealer *Sealer) *Ledger {
	return &Ledger{rdb: rdb, sealer: sealer, scripts: newScripts()}
}

// Event is an outbox entry to be: opaque here, except that entries with one Key
// keep their order. It has the shape of events.Encoded, so that those who know
// both packages convert one into the other.
type Event struct {
	ID, Key, Subject string
	Payload          []byte
}

// Write is one record to store by compare-and-set: Before is the revision at
// which it was read (0 for none), and Event, if any, is stored with it.
type Write struct {
	Before uint64
	After  sponsorship.Sponsorship
	Event  *Event
}

// rowArgs are the six arguments of put in the prelude, eventArgs the four of emit.
func (w Write) rowArgs() ([]any, error) {
	record, err := json.Marshal(w.After)
	if err != nil {
		return nil, fmt.Errorf("encode sponsorship %s: %w", w.After.UserID, err)
	}
	due := 0
	if w.After.Due() {
		due = 1
	}
	return []any{string(w.After.UserID), w.Before, w.After.Revision, string(w.After.Status), due, record}, nil
}

func eventArgs(e *Event) []any {
	if e == nil {
		return []any{"", "", "", ""}
	}
	return []any{e.ID, e.Subject, e.Key, e.Payload}
}

// decodeRow reads "revision status json".
func decodeRow(value string) (sponsorship.Sponsorship, error) {
	var s sponsorship.Sponsorship
	parts := strings.SplitN(value, " ", 3)
	if len(parts) != 3 {
		return s, fmt.Errorf("decode sponsorship: the record is not of this program's making")
	}
	if err := json.Unmarshal([]byte(parts[2]), &s); err != nil {
		return s, fmt.Errorf("decode sponsorship: %w", err)
	}
	return s, nil
}

// Get returns the sponsorships with these ids, in that order; one that does not
// exist comes back as none, with its identity set.
func (l *Ledger) Get(ctx context.Context, org sponsorship.ID, ids ...sponsorship.ID) ([]sponsorship.Sponsorship, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	fields := make([]string, len(ids))
	for i, id := range ids {
		fields[i] = string(id)
	}
	values, err := l.rdb.HMGet(ctx, orgKey(org, "rows"), fields...).Result()
	if err != nil {
		return nil, fmt.Errorf("read sponsorships of %s: %w", org, err)
	}
	all := make([]sponsorship.Sponsorship, len(ids))
	for i, value := range values {
		all[i] = sponsorship.Sponsorship{OrganizationID: org, UserID: ids[i]}
		if text, found := value.(string); found {
			if all[i], err = decodeRow(text); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// store runs write.lua and returns which rows were still at their revision.
// lost reports that the lease of the given token is gone.
func (l *Ledger) store(ctx context.Context, org sponsorship.ID, lease leaseArgs, writes []Write) (stored []bool, lost bool, err error) {
	args := make([]any, 0, 4+10*len(writes))
	args = append(args, lease.token, lease.ttl.Milliseconds(), lease.now.UnixMilli(), len(writes))
	for _, w := range writes {
		row, err := w.rowArgs()
		if err != nil {
			return nil, false, err
		}
		args = append(append(args, row...), eventArgs(w.Event)...)
	}
	result, err := l.scripts.write.Run(ctx, l.rdb, keys(org, ""), args...).Slice()
	if errors.Is(err, redis.Nil) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("store %d sponsorships of %s: %w", len(writes), org, err)
	}
	stored = make([]bool, len(result))
	for i, r := range result {
		stored[i] = r == int64(1)
	}
	return stored, false, nil
}

type leaseArgs struct {
	token string
	ttl   time.Duration
	now   time.Time
}

func millis(text string) *time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}
