package state

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// ScriptRows is how many rows one script handles at most, so that Redis is never
// busy with one for long.
const ScriptRows = 200

// Forgetting is what is to become of one sponsorship that is over.
type Forgetting struct {
	Read  sponsorship.Sponsorship // as it was read: what has changed since is left alone
	Whole bool                    // nothing of it stays, instead of what [sponsorship.Forget] leaves
	Again *time.Time              // look at it as if it had ended then; zero is never, nil when it did end
}

// Forget forgets whose these sponsorships of an organization were, at most
// [ScriptRows], and returns how many were still as they had been read.
func (l *Ledger) Forget(ctx context.Context, org sponsorship.ID, all ...Forgetting) (int, error) {
	args := make([]any, 0, 4*len(all))
	encode, err := l.Encoder(ctx)
	if err != nil {
		return 0, fmt.Errorf("forget %d sponsorships of %s: %w", len(all), org, err)
	}
	for _, f := range all {
		row, err := f.row(encode)
		if err != nil {
			return 0, err
		}
		args = append(args, string(f.Read.UserID), f.Read.Revision, row, f.again())
	}
	results, err := l.scripts.forget.Run(ctx, l.rdb, append(Keys(org, ""), Key(org, "applied")), args...).Int64Slice()
	if err != nil {
		return 0, fmt.Errorf("forget %d sponsorships of %s: %w", len(all), org, err)
	}
	done := 0
	for _, r := range results {
		done += int(r)
	}
	return done, nil
}

func (f Forgetting) row(encode func(sponsorship.Sponsorship) (string, error)) (string, error) {
	if f.Whole {
		return "", nil
	}
	kept, _ := sponsorship.Forget(f.Read)
	return encode(kept)
}

func (f Forgetting) again() any {
	switch {
	case f.Again == nil:
		return ""
	case f.Again.IsZero():
		return 0
	}
	return f.Again.UnixMilli()
}

// Disconnect ends an organization here: its token and license key are erased, and
// nothing is sent for it any more. The bridge obeys that until a person connects it, or
// [Ledger.Reconnect]. It returns whether it was connected.
func (l *Ledger) Disconnect(ctx context.Context, org sponsorship.ID) (bool, error) {
	n, err := l.scripts.disconnect.Run(ctx, l.rdb, append(Keys(org, ""), disconnectedKey(org))).Int()
	if err != nil {
		return false, fmt.Errorf("disconnect %s: %w", org, err)
	}
	return n == 1, nil
}

// Reconnect lets the bridge take up an organization again that a person has disconnected. It
// returns whether one had.
func (l *Ledger) Reconnect(ctx context.Context, org sponsorship.ID) (bool, error) {
	n, err := l.rdb.SRem(ctx, disconnectedKey(org), string(org)).Result()
	if err != nil {
		return false, fmt.Errorf("take %s up again: %w", org, err)
	}
	return n == 1, nil
}

// erasePasses bounds how often Erase begins again because rows come in meanwhile.
const erasePasses = 10

// Erase erases all that the ledger holds of an organization that is disconnected.
// What left for the cloud and got no answer stays noted for an hour, without names:
// should the organization be connected again, no row may meet its double.
func (l *Ledger) Erase(ctx context.Context, org sponsorship.ID) error {
	for range erasePasses {
		if err := l.eraseRows(ctx, org); err != nil {
			return err
		}
		nothingLeft, err := l.erase(ctx, org, nil)
		if err != nil {
			return err
		}
		if nothingLeft {
			return l.eraseKeys(ctx, org)
		}
	}
	return fmt.Errorf("erase %s: it is connected, or new sponsorships come in; stop what does that and do it again", org)
}

func (l *Ledger) eraseRows(ctx context.Context, org sponsorship.ID) error {
	for cursor := uint64(0); ; {
		fields, next, err := l.rdb.HScan(ctx, Key(org, "rows"), cursor, "", ScriptRows).Result()
		if err != nil {
			return fmt.Errorf("erase %s: %w", org, err)
		}
		for page := range slices.Chunk(fields, 2*ScriptRows) { // id and row by turns
			if _, err := l.erase(ctx, org, page); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// erase runs erase.lua for rows, id and row by turns, and returns whether nothing
// of the organization is left.
func (l *Ledger) erase(ctx context.Context, org sponsorship.ID, rows []string) (bool, error) {
	ids := make([]any, 0, len(rows)/2)
	for n := 0; n < len(rows); n += 2 {
		ids = append(ids, rows[n])
	}
	n, err := l.scripts.erase.Run(ctx, l.rdb, Keys(org, ""), ids...).Int()
	if err != nil {
		return false, fmt.Errorf("erase %s: %w", org, err)
	}
	return n == 1, nil
}

// unansweredLife is longer than any request may be at work.
const unansweredLife = time.Hour

// eraseKeys drops what other parts keep under the organization's name, whatever
// they call it. They are in one slot: in a Redis Cluster the client sends a SCAN to
// the node that the pattern's hash tag names.
func (l *Ledger) eraseKeys(ctx context.Context, org sponsorship.ID) error {
	unanswered := Key(org, "inflight")
	keys := l.rdb.Scan(ctx, 0, Key(org, "*"), 1000).Iterator()
	for keys.Next(ctx) {
		var err error
		if key := keys.Val(); key == unanswered {
			err = l.rdb.Expire(ctx, key, unansweredLife).Err()
		} else {
			err = l.rdb.Unlink(ctx, key).Err()
		}
		if err != nil {
			return fmt.Errorf("erase %s: %w", org, err)
		}
	}
	if err := keys.Err(); err != nil {
		return fmt.Errorf("erase %s: %w", org, err)
	}
	return nil
}
