package view

import (
	"context"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// searchStep is how many sponsorships a search reads at once.
const searchStep = 1000

// search reads all sponsorships of the statuses and keeps those that match: the ledger
// has no index of texts. Five thousand take some tens of milliseconds.
func search(ctx context.Context, l *state.Ledger, org sponsorship.ID, a Asked) (found []sponsorship.Sponsorship, of Listing, err error) {
	wanted := strings.ToLower(a.Search)
	for at := (state.Page{Statuses: a.Statuses, Limit: searchStep}); ; {
		rows, next, err := l.List(ctx, org, at)
		if err != nil {
			return nil, of, err
		}
		for _, s := range rows {
			if matches(s, wanted) || a.Match != nil && a.Match(s.UserID, wanted) {
				found = append(found, s)
			}
		}
		if at.Cursor = next; next == "" {
			break
		}
	}
	return window(found, a)
}

func matches(s sponsorship.Sponsorship, wanted string) bool {
	return slices.ContainsFunc([]string{s.Name, s.Email, string(s.UserID)}, func(text string) bool {
		return strings.Contains(strings.ToLower(text), wanted)
	})
}

// window cuts a page out of all that was found.
func window(all []sponsorship.Sponsorship, a Asked) (found []sponsorship.Sponsorship, of Listing, err error) {
	at, backwards := strings.CutPrefix(a.Cursor, back)
	from := 0
	switch {
	case at == state.End:
		from = len(all)
	case at != "":
		i := slices.IndexFunc(all, func(s sponsorship.Sponsorship) bool { return state.Cursor(s) == at })
		if from = i; !backwards {
			from++
		}
		if i < 0 { // it has moved meanwhile, or never was here
			from, backwards = 0, false
		}
	}
	until := min(from+a.Limit, len(all))
	if backwards {
		from, until = max(from-a.Limit, 0), from
	}
	of.Found = len(all)
	if found = all[from:until]; len(found) == 0 {
		return found, of, nil
	}
	if from > 0 {
		of.Previous = back + state.Cursor(found[0])
	}
	if until < len(all) {
		of.Next = state.Cursor(found[len(found)-1])
	}
	return found, of, nil
}
