package cloudtest

import (
	"slices"
	"strings"
)

// Mails lists all offer mails, oldest first.
func (c *Cloud) Mails() []Mail { return c.mailsThat(func(Mail) bool { return true }) }

// MailsTo lists the offer mails to one address, ignoring case.
func (c *Cloud) MailsTo(address string) []Mail {
	return c.mailsThat(func(m Mail) bool { return strings.EqualFold(m.To, address) })
}

// MailsFor lists the offer mails of one key of an organization.
func (c *Cloud) MailsFor(organizationID, organizationUserID string) []Mail {
	return c.mailsThat(func(m Mail) bool {
		return strings.EqualFold(m.OrganizationID, organizationID) && strings.EqualFold(m.OrganizationUserID, organizationUserID)
	})
}

// MailedTwice lists the second and later mails of an organization that went to
// one address for one key. A new address for a key is another offer.
func (c *Cloud) MailedTwice(organizationID string) []Mail {
	type offered struct{ organization, key, to string }
	seen := map[offered]bool{}
	return c.mailsThat(func(m Mail) bool {
		o := offered{m.OrganizationID, m.OrganizationUserID, strings.ToLower(m.To)}
		again := seen[o]
		seen[o] = true
		return again && strings.EqualFold(m.OrganizationID, organizationID)
	})
}

func (c *Cloud) mailsThat(match func(Mail) bool) []Mail {
	c.mu.Lock()
	defer c.mu.Unlock()
	mails := []Mail{}
	for _, m := range c.world.mails {
		if match(m) {
			mails = append(mails, m)
		}
	}
	return mails
}

// RowCount counts the stored rows of one key; more than one breaks the organization.
func (c *Cloud) RowCount(organizationID, organizationUserID string) int {
	n := 0
	for _, row := range c.Rows(organizationID) {
		if strings.EqualFold(row.OrganizationUserID, organizationUserID) {
			n++
		}
	}
	return n
}

// Doubled lists the keys of an organization that have more than one row.
func (c *Cloud) Doubled(organizationID string) []string {
	doubled, seen := []string{}, map[string]bool{}
	for _, row := range c.Rows(organizationID) {
		if seen[row.OrganizationUserID] && !slices.Contains(doubled, row.OrganizationUserID) {
			doubled = append(doubled, row.OrganizationUserID)
		}
		seen[row.OrganizationUserID] = true
	}
	return doubled
}
