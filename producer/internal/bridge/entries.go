package bridge

import (
	"context"
	"slices"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// page is how many entries of the ledger are read at once.
const page = 1000

// entries reads what the ledger has of an organization. A list may miss an entry that
// changes its status meanwhile; so those that the look is about are read by their keys, too.
func (b *Bridge) entries(ctx context.Context, l merge.Look) (map[sponsorship.ID]sponsorship.Sponsorship, error) {
	org := l.Vault.Organization
	all := map[sponsorship.ID]sponsorship.Sponsorship{}
	for at := (state.Page{Limit: page}); ; {
		rows, next, err := b.p.Ledger.List(ctx, org, at)
		if err != nil {
			return nil, err
		}
		for _, s := range rows {
			all[s.UserID] = s
		}
		if at.Cursor = next; next == "" {
			break
		}
	}
	for keys := range slices.Chunk(missing(l, all), page) {
		rows, err := b.p.Ledger.Get(ctx, org, keys...)
		if err != nil {
			return nil, err
		}
		for _, s := range rows {
			if s.Status != "" {
				all[s.UserID] = s
			}
		}
	}
	return all, nil
}

// missing are the keys that the look is about and the list did not have.
func missing(l merge.Look, listed map[sponsorship.ID]sponsorship.Sponsorship) (keys []sponsorship.ID) {
	seen := map[sponsorship.ID]bool{"": true}
	add := func(key sponsorship.ID) {
		if _, have := listed[key]; !have && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	for _, link := range l.Memory.Links {
		add(link.Key)
	}
	for _, r := range l.Vault.Rows {
		add(r.User)
		add(jobs.Redeem{
			OrganizationID: l.Vault.Organization, OrganizationUserID: r.User, SponsoredEmail: r.Email, AdminInitiated: r.Admin,
		}.SponsorshipID())
	}
	return keys
}
