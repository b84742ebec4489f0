package state

import (
	"context"
	"fmt"
	"slices"
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

// End is the cursor behind the last sponsorship, for [Ledger.ListBefore].
const End = "end"

// Cursor is where a sponsorship stands in a list.
func Cursor(s sponsorship.Sponsorship) string { return string(s.Status) + ":" + string(s.UserID) }

// ListBefore returns the last of the sponsorships before a cursor, which may be
// [End], in the order of [Ledger.List]; fewer than the limit where the list begins.
func (l *Ledger) ListBefore(ctx context.Context, org sponsorship.ID, p Page) ([]sponsorship.Sponsorship, error) {
	statuses := p.Statuses
	if len(statuses) == 0 {
		statuses = sponsorship.Statuses()
	}
	at, before := len(statuses)-1, ""
	if p.Cursor != End {
		var err error
		if at, before, err = parseCursor(p.Cursor, statuses); err != nil {
			return nil, err
		}
	}
	var ids []sponsorship.ID // from the last to the first
	for ; at >= 0 && len(ids) < p.Limit; at, before = at-1, "" {
		found, err := l.idsBefore(ctx, StatusKey(org, statuses[at]), before, p.Limit-len(ids))
		if err != nil {
			return nil, fmt.Errorf("list sponsorships of %s: %w", org, err)
		}
		ids = append(ids, found...)
	}
	slices.Reverse(ids)
	return l.Get(ctx, org, ids...)
}

func (l *Ledger) idsBefore(ctx context.Context, key, before string, n int) ([]sponsorship.ID, error) {
	until := "+"
	if before != "" {
		until = "(" + before
	}
	members, err := l.rdb.ZRevRangeByLex(ctx, key, &redis.ZRangeBy{Min: "-", Max: until, Count: int64(n)}).Result()
	return idsOf(members), err
}

func (l *Ledger) idsAfter(ctx context.Context, key, after string, n int) ([]sponsorship.ID, error) {
	from := "-"
	if after != "" {
		from = "(" + after
	}
	members, err := l.rdb.ZRangeByLex(ctx, key, &redis.ZRangeBy{Min: from, Max: "+", Count: int64(n)}).Result()
	return idsOf(members), err
}

func idsOf(members []string) []sponsorship.ID {
	ids := make([]sponsorship.ID, len(members))
	for i, m := range members {
		ids[i] = sponsorship.ID(m)
	}
	return ids
}

// CursorError says that a cursor is not one that this list gave: this package's, or the one of
// jobs in package enqueue.
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
