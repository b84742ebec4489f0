package jobs

import "github.com/sponsorsync/sponsorsync/jobs/sponsorship"

// Adopt takes over a sponsorship that another program has already told the cloud
// of, such as the self-hosted server's own sync. Nobody is mailed as long as the
// cloud still has it; if not, the first sync offers it anew.
type Adopt struct {
	OrganizationID     sponsorship.ID `json:"organizationId"`
	OrganizationUserID sponsorship.ID `json:"organizationUserId"` // the key that the cloud knows
	SponsoredEmail     string         `json:"sponsoredEmail"`
	FriendlyName       string         `json:"friendlyName,omitempty"` // default: the address
	AdminInitiated     bool           `json:"adminInitiated,omitempty"`
	Revoke             bool           `json:"revoke,omitempty"` // the cloud is to withdraw it
}

// Kind implements Args.
func (Adopt) Kind() Kind { return KindAdopt }

// Organization implements Args.
func (a Adopt) Organization() sponsorship.ID { return a.OrganizationID }

// SponsorshipID is the key of the sponsorship, also of one that an admin initiated:
// the cloud knows it by this one, whoever made it.
func (a Adopt) SponsorshipID() sponsorship.ID { return a.OrganizationUserID }

// Validate implements Args.
func (a Adopt) Validate() error {
	var c checks
	c.id("organizationId", a.OrganizationID)
	c.id("organizationUserId", a.OrganizationUserID)
	c.that("sponsoredEmail", sponsorship.CheckEmail(a.SponsoredEmail))
	c.that("friendlyName", sponsorship.CheckName(a.FriendlyName))
	return c.err()
}
