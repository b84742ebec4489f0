package cloudtest

import (
	"slices"
	"strings"
	"time"
)

const (
	offerPrefix   = "BWOrganizationSponsorship_"
	offerLifetime = 4380 * time.Hour // 182.5 days since the last sync (PROTOCOL.md 6.2)
	purgeAfter    = 90 * 24 * time.Hour
	textBadOffer  = "Failed to parse sponsorship token."
)

// offer is what an offer token stands for. It has no expiry of its own.
type offer struct {
	organizationID string
	rowID          string
	email          string
}

// Redemption is one person's attempt to accept an offer.
type Redemption struct {
	Token                   string `json:"token"`
	Email                   string `json:"email"` // account that is logged in
	SponsoredOrganizationID string `json:"sponsoredOrganizationId"`
}

// ValidateToken tells whether this account may redeem this token (PROTOCOL.md 6.1).
func (c *Cloud) ValidateToken(token, email string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.world.offered(token, email) != nil
}

// offered finds the row behind a token while the offer stands for this account.
func (w *world) offered(token, email string) *Row {
	o, ok := w.offers[token]
	if !ok {
		return nil
	}
	i := slices.IndexFunc(w.rows[o.organizationID], func(r *Row) bool { return r.ID == o.rowID })
	if i < 0 {
		return nil
	}
	row := w.rows[o.organizationID][i]
	stands := row.OfferedToEmail != "" && strings.EqualFold(row.OfferedToEmail, email) && strings.EqualFold(o.email, email)
	if !stands {
		return nil
	}
	return row
}

// Redeem accepts an offer for an organization that the person owns. The error
// is an *APIError with the cloud's own words (PROTOCOL.md 6.2).
func (c *Cloud) Redeem(r Redemption) (Row, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row, fault := c.redeem(r)
	if fault != nil {
		return Row{}, fault
	}
	return *row, nil
}

func (c *Cloud) redeem(r Redemption) (*Row, *APIError) {
	row := c.world.offered(r.Token, r.Email)
	if row == nil {
		return nil, badRequest(textBadOffer)
	}
	target := c.world.organizations[strings.ToLower(r.SponsoredOrganizationID)]
	switch {
	case target == nil || !strings.EqualFold(target.OwnerEmail, r.Email):
		return nil, badRequest("Can only redeem sponsorship for an organization you own.")
	case target.NoFreeFamilies:
		return nil, badRequest("Free Bitwarden Families sponsorship has been disabled by your organization administrator.")
	case c.world.sponsorOf(target.ID) != nil:
		return nil, badRequest("Cannot redeem a sponsorship offer for an organization that is already sponsored. Revoke existing sponsorship first.")
	case c.now().Sub(row.LastSyncDate) > offerLifetime:
		c.world.remove(row)
		return nil, badRequest("This sponsorship offer is more than 6 months old and has expired.")
	case tierOf(target.PlanType) != tierFamilies:
		return nil, badRequest("Can only redeem sponsorship offer on families organizations.")
	}
	until := c.now().AddDate(1, 0, 0)
	row.ValidUntil, row.SponsoredOrganizationID, row.OfferedToEmail = &until, target.ID, ""
	return row, nil
}

func (w *world) sponsorOf(sponsoredID string) *Row {
	for _, rows := range w.rows {
		for _, row := range rows {
			if row.SponsoredOrganizationID == sponsoredID {
				return row
			}
		}
	}
	return nil
}

// hasAccount tells whether somebody with this address owns an organization here.
func (w *world) hasAccount(email string) bool {
	for _, org := range w.organizations {
		if strings.EqualFold(org.OwnerEmail, email) {
			return true
		}
	}
	return false
}

// Accept is the whole happy path: the recipient of the newest mail for this row
// opens an account with a fresh Families organization and redeems the offer.
func (c *Cloud) Accept(organizationID, organizationUserID string) (Row, error) {
	for _, m := range slices.Backward(c.Mails()) {
		if strings.EqualFold(m.OrganizationID, organizationID) && strings.EqualFold(m.OrganizationUserID, organizationUserID) {
			return c.AcceptMail(m.Index)
		}
	}
	return Row{}, notFound()
}

// AcceptMail is Accept for the mail with this index.
func (c *Cloud) AcceptMail(index int) (Row, error) {
	mails := c.Mails()
	if index < 0 || index >= len(mails) {
		return Row{}, notFound()
	}
	m := mails[index]
	family := c.AddOrganization(func(o *Organization) {
		o.Name, o.PlanType, o.OwnerEmail, o.BillingSyncKey = "Family", PlanFamilies, m.To, ""
	})
	return c.Redeem(Redemption{Token: m.Token, Email: m.To, SponsoredOrganizationID: family.ID})
}

// RemoveSponsored lets the sponsored owner end it: the cloud row is marked, and
// no sync ever says so (PROTOCOL.md 6.3).
func (c *Cloud) RemoveSponsored(organizationID, organizationUserID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := c.world.find(organizationID, organizationUserID)
	if row == nil || !row.Redeemed() {
		return badRequest("The requested organization is not currently being sponsored.")
	}
	row.ToDelete = true
	return nil
}

// Revoke is the sponsoring organization's admin revoking on the cloud itself.
func (c *Cloud) Revoke(organizationID, organizationUserID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := c.world.find(organizationID, organizationUserID)
	switch {
	case row == nil:
		return badRequest("The specified sponsored organization could not be found under the given sponsoring organization.")
	case row.Redeemed():
		row.ToDelete = true
	default:
		c.world.remove(row)
	}
	return nil
}

// Renew moves ValidUntil to the next period end, unless the cloud behaves as
// documented and the sponsorship is no longer valid: then the row is deleted.
func (c *Cloud) Renew(organizationID, organizationUserID string, validUntil time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := c.world.find(organizationID, organizationUserID)
	if row == nil || !row.Redeemed() {
		return notFound()
	}
	if c.opts.AsDocumented && !c.renewable(row) {
		c.world.remove(row)
		return nil
	}
	until := validUntil.UTC()
	row.ValidUntil = &until
	return nil
}

// renewable is the cloud's own validity check at renewal (PROTOCOL.md 6.4).
func (c *Cloud) renewable(row *Row) bool {
	org := c.world.organizations[row.OrganizationID]
	return org != nil && tierOf(org.PlanType) == tierEnterprise && !longDisabled(*org, c.now()) &&
		!row.ToDelete && c.now().Sub(row.LastSyncDate) <= offerLifetime
}

// Age moves the dates of a stored row into the past, as if that much time had
// gone by without a sync.
func (c *Cloud) Age(organizationID, organizationUserID string, by time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := c.world.find(organizationID, organizationUserID)
	if row == nil {
		return notFound()
	}
	row.LastSyncDate = row.LastSyncDate.Add(-by)
	if row.ValidUntil != nil {
		until := row.ValidUntil.Add(-by)
		row.ValidUntil = &until
	}
	return nil
}

// Purge is the Monday job: rows whose ValidUntil is more than 90 days past go
// (PROTOCOL.md 6.5). It returns how many went.
func (c *Cloud) Purge() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit, purged := c.now().Add(-purgeAfter), 0
	for id, rows := range c.world.rows {
		kept := slices.DeleteFunc(rows, func(r *Row) bool { return r.ValidUntil != nil && r.ValidUntil.Before(limit) })
		purged += len(rows) - len(kept)
		c.world.rows[id] = kept
	}
	return purged
}
