package cloudtest

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// MailMode is how offer mails leave. The zero value is a cloud with a mail
// queue, which takes any text for an address and costs no time.
type MailMode struct {
	// InRequest sends them one by one before the sync is answered. An address
	// that no mail library can read then ends the request: mails before it are
	// out, it and those after it never leave, and all rows stay.
	InRequest bool `json:"inRequest"`
	// EachMs is how long one takes, in milliseconds, when sent in the request.
	EachMs int `json:"eachMs"`
}

// SetMailMode replaces the mode.
func (c *Cloud) SetMailMode(mode MailMode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mails = mode
}

// mail builds all mails before it sends any, so that one blank address silences
// the whole request while its rows stay (PROTOCOL.md 2.8).
func (c *Cloud) mail(rows []*Row) *APIError {
	for _, row := range rows {
		if strings.TrimSpace(row.OfferedToEmail) == "" {
			return unhandled()
		}
	}
	for _, row := range rows {
		if !c.sendOffer(row) {
			return unhandled()
		}
	}
	return nil
}

// sendOffer mails one offer, or tells that its address cannot be read.
func (c *Cloud) sendOffer(row *Row) bool {
	c.mu.Lock()
	mode := c.mails
	c.mu.Unlock()
	if mode.InRequest {
		c.sleep(c.base, time.Duration(mode.EachMs)*time.Millisecond)
		if !readable(row.OfferedToEmail) || c.base.Err() != nil {
			return false
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	token := offerPrefix + c.world.key(64)
	c.world.offers[token] = offer{
		organizationID: row.OrganizationID, rowID: row.ID, email: row.OfferedToEmail,
	}
	link := c.url + "/#/accept-families-for-enterprise?token=" + token + "&email=" + url.QueryEscape(row.OfferedToEmail)
	if !c.world.hasAccount(row.OfferedToEmail) {
		link += "&register=true"
	}
	c.world.mails = append(c.world.mails, Mail{
		Index: len(c.world.mails), At: c.now(), To: row.OfferedToEmail,
		Subject: "Accept your Sponsored Families Plan", Link: link, Token: token,
		OrganizationID: row.OrganizationID, OrganizationUserID: row.OrganizationUserID,
	})
	return true
}

// Offer stores a row as AddRow does and mails it, so that a test can begin with
// an open offer. It returns the token of the mail, empty if that could not leave.
func (c *Cloud) Offer(row Row) (token string) {
	stored := c.AddRow(row)
	if !c.sendOffer(&stored) {
		return ""
	}
	mails := c.MailsFor(stored.OrganizationID, stored.OrganizationUserID)
	return mails[len(mails)-1].Token
}

// readable tells whether a mail library makes an address of it. A bare name
// without a domain is one.
func readable(address string) bool {
	local, domain, hasDomain := strings.Cut(address, "@")
	if local == "" || strings.ContainsAny(address, " \t\r\n<>") {
		return false
	}
	return !hasDomain || !slices.Contains(strings.Split(domain, "."), "")
}
