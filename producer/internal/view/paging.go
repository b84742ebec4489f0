package view

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// maxSearch is the longest text to search for, in bytes.
const maxSearch = 256

// Asked says which sponsorships somebody wants to see.
type Asked struct {
	state.Page
	Search string // in address, label or id, whatever the case; "" is all
	// Match looks for what the ledger does not know, such as a member's name; may be nil.
	Match func(user sponsorship.ID, search string) bool
}

// Listing is one page of sponsorships with the cursors of its neighbors, "" where
// there is none.
type Listing struct {
	Rows           []Sponsorship
	Next, Previous string
	Found          int // by a search, on all pages; 0 without one
}

// back marks the cursor of a page before.
const back = "-"

// LastPage is the cursor of the last page.
const LastPage = back + state.End

// ReadPage reads one page of sponsorships.
func ReadPage(ctx context.Context, l *state.Ledger, org sponsorship.ID, a Asked) (Listing, error) {
	read := readPage
	if a.Search != "" {
		read = search
	}
	found, listing, err := read(ctx, l, org, a)
	if err != nil {
		return Listing{}, CursorFault(err)
	}
	of, _, err := l.Organization(ctx, org)
	listing.Rows = make([]Sponsorship, len(found))
	for i, s := range found {
		listing.Rows[i] = ShowSponsorship(s, of.LastSyncAt)
	}
	return listing, err
}

// readPage asks for one more than it shows, which tells whether there is more.
func readPage(ctx context.Context, l *state.Ledger, org sponsorship.ID, a Asked) (found []sponsorship.Sponsorship, of Listing, err error) {
	more := state.Page{Statuses: a.Statuses, Limit: a.Limit + 1, Cursor: a.Cursor}
	if at, backwards := strings.CutPrefix(a.Cursor, back); backwards {
		more.Cursor = at
		found, err = l.ListBefore(ctx, org, more)
		if len(found) > a.Limit {
			found = found[1:]
			of.Previous = back + state.Cursor(found[0])
		}
		if len(found) > 0 && at != state.End {
			of.Next = state.Cursor(found[len(found)-1])
		}
		return found, of, err
	}
	found, _, err = l.List(ctx, org, more)
	if len(found) > a.Limit {
		found = found[:a.Limit]
		of.Next = state.Cursor(found[a.Limit-1])
	}
	switch {
	case a.Cursor == "":
	case len(found) > 0:
		of.Previous = back + state.Cursor(found[0])
	default:
		of.Previous = LastPage
	}
	return found, of, err
}

// PageOf reads status (repeatable, or separated by commas), search, limit and cursor.
func PageOf(q url.Values, limit int) (Asked, error) {
	a := Asked{Page: state.Page{Cursor: q.Get("cursor")}, Search: strings.TrimSpace(q.Get("search"))}
	names, err := NamesOf(q, "status", StatusNames())
	if err != nil {
		return a, err
	}
	a.Statuses = Statuses(names)
	if len(a.Search) > maxSearch {
		return a, Invalid("search", "must be at most "+strconv.Itoa(maxSearch)+" bytes")
	}
	a.Limit, err = LimitOf(q, limit)
	return a, err
}
