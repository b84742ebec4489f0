package ledger

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// recodedField notes, in an organization's hash, the form that all its records have.
const recodedField = "rowsForm"

// Recode stores the records that an older release has written in the form of this
// one, which takes half the room, and returns how many. It does so once, and not while
// such a release works beside: what that one writes after is read as it is, and takes
// the new form when it changes.
func (s *Session) Recode(ctx context.Context) (stored int, err error) {
	l, key := s.ledger, state.Key(s.org, "")
	if l.Older() {
		return 0, nil
	}
	form, err := l.rdb.HGet(ctx, key, recodedField).Result()
	if form == state.RowForm || err != nil && !errors.Is(err, redis.Nil) {
		return 0, wrap(err, "look at the form of the records of %s", s.org)
	}
	for cursor := uint64(0); ; {
		var fields []string
		fields, cursor, err = l.rdb.HScan(ctx, state.Key(s.org, "rows"), cursor, "", state.ScriptRows).Result()
		if err != nil {
			return stored, wrap(err, "read the records of %s", s.org)
		}
		for page := range slices.Chunk(fields, 2*state.ScriptRows) { // id and row by turns
			n, err := s.recode(ctx, page)
			if stored += n; err != nil {
				return stored, wrap(err, "store the records of %s anew", s.org)
			}
		}
		if cursor == 0 {
			return stored, wrap(l.rdb.HSet(ctx, key, recodedField, state.RowForm).Err(), "note the form of the records of %s", s.org)
		}
	}
}

func (s *Session) recode(ctx context.Context, page []string) (int, error) {
	var args []any
	for n := 0; n+1 < len(page); n += 2 {
		id, row := page[n], page[n+1]
		anew, err := state.Recoded(s.org, sponsorship.ID(id), row)
		if err != nil {
			return 0, err
		}
		if anew != "" {
			args = append(args, id, row, anew)
		}
	}
	if len(args) == 0 {
		return 0, nil
	}
	return s.ledger.scripts.recode.Run(ctx, s.ledger.rdb, state.Keys(s.org, ""), args...).Int()
}
