package state

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Page asks for sponsorships in a stable order: by status, then by id.
type Page struct {
	Statuses []sponsorship.Status // empty is all
	Limit    int
	Cursor   string // of the page before, or ""
}

// List returns one page and the cursor of the next, or "" at the end. A record
// that changes its status while a list is being read may be seen twice or not
// at all. The error is a *[CursorError] when the cursor is not one of this list.
func (l *Ledger) List(ctx context.Context, org sponsorship.ID, p Page) ([]sponsorship.Sponsorship, string, error) {
	statuses := p.Statuses
	if len(statuses) == 0 {
		statuses = sponsorship.Statuses()
	}
	at, after, err := parseCursor(p.Cursor, statuses)
	if err != nil {
		return nil, "", err
	}
	var ids []sponsorship.ID
	for ; at < len(statuses); at, after = at+1, "" {
		found, err := l.idsAfter(ctx, StatusKey(org, statuses[at]), after, p.Limit-len(ids))
		if err != nil {
			return nil, "", fmt.Errorf("list sponsorships of %s: %w", org, err)
		}
		ids = append(ids, found...)
		if len(ids) == p.Limit {
			break
		}
	}
	all, err := l.Get(ctx, org, ids...)
	if err != nil || len(ids) < p.Limit {
		return all, "", err
	}
	return all, string(statuses[at]) + ":" + string(ids[len(ids)-1]), nil
}

func (l *Ledger) idsAfter(ctx context.Context, key, after string, n int) ([]sponsorship.ID, error) {
	from := "-"
	if after != "" {
		from = "(" + after
	}
	members, err := l.rdb.ZRangeByLex(ctx, key, &redis.ZRangeBy{Min: from, Max: "+", Count: int64(n)}).Result()
	ids := make([]sponsorship.ID, len(members))
	for i, m := range members {
		ids[i] = sponsorship.ID(m)
	}
	return ids, err
}

// CursorError says that a cursor is not one that List gave for these statuses.
type CursorError struct{ Cursor string }

// Error implements error.
func (e *CursorError) Error() string {
	return "cursor is not one of this list; start again without it"
}

func parseCursor(cursor string, statuses []sponsorship.Status) (at int, after string, err error) {
	if cursor == "" {
		return 0, "", nil
	}
	status, after, _ := strings.Cut(cursor, ":")
	for i, s := range statuses {
		if string(s) == status && sponsorship.ID(after).Valid() {
			return i, after, nil
		}
	}
	return 0, "", &CursorError{cursor}
}
