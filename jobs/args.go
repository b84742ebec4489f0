package jobs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Sync asks for a full sync of one organization now. The first one, started by
// hand, is what lets anything be sent at all.
type Sync struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
	// OfficialJobOff is a person's word that the server's own sync job is switched off.
	// The first sync of an organization whose connection came from the vault needs it:
	// on most databases nobody can see that job.
	OfficialJobOff bool `json:"officialJobOff,omitempty"`
}

// Redeem offers a sponsorship to an address in a member's name.
type Redeem struct {
	OrganizationID      sponsorship.ID `json:"organizationId"`
	OrganizationUserID  sponsorship.ID `json:"organizationUserId"`
	SponsoredEmail      string         `json:"sponsoredEmail"`
	FriendlyName        string         `json:"friendlyName,omitempty"` // default: the address
	PlanSponsorshipType int            `json:"planSponsorshipType,omitempty"`
	AdminInitiated      bool           `json:"adminInitiated,omitempty"`
}

// ChangeSponsorship changes the recipient or the label, revokes, or makes the
// same offer again.
type ChangeSponsorship struct {
	OrganizationID     sponsorship.ID `json:"organizationId"`
	OrganizationUserID sponsorship.ID `json:"organizationUserId"`
	SponsoredEmail     string         `json:"sponsoredEmail,omitempty"`
	FriendlyName       string         `json:"friendlyName,omitempty"`
	Revoke             bool           `json:"revoke,omitempty"`
	Resend             bool           `json:"resend,omitempty"` // withdraw the offer and make it again: the same person is mailed
}

// SyncLicense fetches a fresh license. Nothing but a person ever starts it.
type SyncLicense struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
}

// SyncPending wakes an organization that has work for the cloud.
type SyncPending struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
}

// SyncLeft wakes an organization whose work nobody has taken up.
type SyncLeft struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
}

// SyncScheduled is the daily full sync.
type SyncScheduled struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
}

// Sweep looks for syncs that are due. Tick is the number of the interval.
type Sweep struct {
	Tick int64 `json:"tick"`
}

// Kind implements Args.
func (Sync) Kind() Kind { return KindSync }

// Kind implements Args.
func (Redeem) Kind() Kind { return KindRedeem }

// Kind implements Args.
func (ChangeSponsorship) Kind() Kind { return KindChangeSponsorship }

// Kind implements Args.
func (SyncLicense) Kind() Kind { return KindSyncLicense }

// Kind implements Args.
func (SyncPending) Kind() Kind { return KindSyncPending }

// Kind implements Args.
func (SyncLeft) Kind() Kind { return KindSyncLeft }

// Kind implements Args.
func (SyncScheduled) Kind() Kind { return KindSyncScheduled }

// Kind implements Args.
func (Sweep) Kind() Kind { return KindSweep }

// Organization implements Args.
func (a Sync) Organization() sponsorship.ID { return a.OrganizationID }

// Organization implements Args.
func (a Redeem) Organization() sponsorship.ID { return a.OrganizationID }

// Organization implements Args.
func (a ChangeSponsorship) Organization() sponsorship.ID { return a.OrganizationID }

// Organization implements Args.
func (a SyncLicense) Organization() sponsorship.ID { return a.OrganizationID }

// Organization implements Args.
func (a SyncPending) Organization() sponsorship.ID { return a.OrganizationID }

// Organization implements Args.
func (a SyncLeft) Organization() sponsorship.ID { return a.OrganizationID }

// Organization implements Args.
func (a SyncScheduled) Organization() sponsorship.ID { return a.OrganizationID }

// Organization implements Args.
func (Sweep) Organization() sponsorship.ID { return "" }

// SponsorshipID is the key of the sponsorship that the redeem is about: the
// member's own, or one made from the admin's and the address.
func (a Redeem) SponsorshipID() sponsorship.ID {
	if a.AdminInitiated {
		return sponsorship.AdminKey(a.OrganizationUserID, a.SponsoredEmail)
	}
	return a.OrganizationUserID
}

// SponsorshipID is the key of the sponsorship that the change is about.
func (a ChangeSponsorship) SponsorshipID() sponsorship.ID { return a.OrganizationUserID }

// Validate implements Args.
func (a Sync) Validate() error { return organizationOnly(a.OrganizationID) }

// Validate implements Args.
func (a SyncLicense) Validate() error { return organizationOnly(a.OrganizationID) }

// Validate implements Args.
func (a SyncPending) Validate() error { return organizationOnly(a.OrganizationID) }

// Validate implements Args.
func (a SyncLeft) Validate() error { return organizationOnly(a.OrganizationID) }

// Validate implements Args.
func (a SyncScheduled) Validate() error { return organizationOnly(a.OrganizationID) }

// Validate implements Args.
func (a Sweep) Validate() error { return nil }

// Validate implements Args.
func (a Redeem) Validate() error {
	var c checks
	c.id("organizationId", a.OrganizationID)
	c.id("organizationUserId", a.OrganizationUserID)
	c.that("sponsoredEmail", sponsorship.CheckEmail(a.SponsoredEmail))
	c.that("friendlyName", sponsorship.CheckName(a.FriendlyName))
	if a.PlanSponsorshipType != 0 {
		c.add("planSponsorshipType", "must be 0 (Families), the only type that exists")
	}
	return c.err()
}

// Validate implements Args.
func (a ChangeSponsorship) Validate() error {
	var c checks
	c.id("organizationId", a.OrganizationID)
	c.id("organizationUserId", a.OrganizationUserID)
	texts := a.SponsoredEmail != "" || a.FriendlyName != ""
	switch {
	case a.Revoke && (texts || a.Resend):
		c.add("revoke", "must stand alone")
	case a.Resend && texts:
		c.add("resend", "must stand alone: a new address is mailed anyway")
	case !a.Revoke && !a.Resend && !texts:
		c.add("sponsoredEmail", "give a sponsoredEmail and/or a friendlyName, or revoke: true, or resend: true")
	}
	if a.SponsoredEmail != "" {
		c.that("sponsoredEmail", sponsorship.CheckEmail(a.SponsoredEmail))
	}
	c.that("friendlyName", sponsorship.CheckName(a.FriendlyName))
	return c.err()
}

func organizationOnly(id sponsorship.ID) error {
	var c checks
	c.id("organizationId", id)
	return c.err()
}

// FieldError is one fault in the arguments of a job.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// FieldErrors are all faults of one job's arguments.
type FieldErrors []FieldError

// Naming returns the faults with a name for the whole, such as "args", in the
// place of a field that is missing.
func (e FieldErrors) Naming(whole string) FieldErrors {
	named := slices.Clone(e)
	for i := range named {
		named[i].Field = cmp.Or(named[i].Field, whole)
	}
	return named
}

// Error lists the faults in the order of the fields.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + " " + f.Message
	}
	return strings.Join(parts, "; ")
}

// Invalid wraps field errors into an invalid_arguments fault.
func Invalid(fields ...FieldError) error {
	all := FieldErrors(fields)
	return fault.Wrap(fault.InvalidArguments, all, "%s", all.Error())
}

type checks []FieldError

func (c *checks) add(field, message string) { *c = append(*c, FieldError{field, message}) }

func (c *checks) that(field string, err error) {
	if err != nil {
		c.add(field, err.Error())
	}
}

func (c *checks) id(field string, id sponsorship.ID) {
	switch {
	case id == "":
		c.add(field, "is missing; it is a UUID")
	case !id.Valid():
		c.add(field, fmt.Sprintf("must be a UUID such as %s", "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"))
	}
}

func (c checks) err() error {
	if len(c) == 0 {
		return nil
	}
	return Invalid(c...)
}
