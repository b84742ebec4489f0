package view

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// maxLimit is the most sponsorships that one page may hold.
const maxLimit = 1000

// ReadPage reads one page of sponsorships, and the cursor of the next.
func ReadPage(ctx context.Context, l *state.Ledger, org sponsorship.ID, p state.Page) ([]Sponsorship, string, error) {
	found, next, err := l.List(ctx, org, p)
	if _, wrong := errors.AsType[*state.CursorError](err); wrong {
		return nil, "", Invalid("cursor", "is not one of this list; start again without it")
	}
	if err != nil {
		return nil, "", err
	}
	of, _, err := l.Organization(ctx, org)
	shown := make([]Sponsorship, len(found))
	for i, s := range found {
		shown[i] = ShowSponsorship(s, of.LastSyncAt)
	}
	return shown, next, err
}

// PageOf reads status (repeatable, or separated by commas), limit and cursor.
func PageOf(q url.Values, limit int) (state.Page, error) {
	p := state.Page{Limit: limit, Cursor: q.Get("cursor")}
	wanted := map[sponsorship.Status]bool{}
	for _, name := range strings.FieldsFunc(strings.Join(q["status"], ","), func(c rune) bool { return c == ',' }) {
		s := sponsorship.Status(name)
		if !s.Valid() {
			return p, Invalid("status", "must be one of "+statusNames())
		}
		wanted[s] = true
	}
	for _, s := range sponsorship.Statuses() { // in one order, which cursors rely on
		if wanted[s] {
			p.Statuses = append(p.Statuses, s)
		}
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return p, Invalid("limit", "must be a whole number from 1 to "+strconv.Itoa(maxLimit))
		}
		p.Limit = n
	}
	return p, nil
}

func statusNames() string {
	var names []string
	for _, s := range sponsorship.Statuses() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}
