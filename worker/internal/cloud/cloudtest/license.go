package cloudtest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	licenseVersion = 15
	licenseGrace   = 60 * 24 * time.Hour // added to the period end of annual plans
	textPayment    = "Unable to generate license due to a payment issue. Please update your billing information or contact support for assistance."
)

// LicenseMode changes the licenses that are issued from now on.
type LicenseMode struct {
	// Version replaces 15; it is not part of the token's claims.
	Version int `json:"version"`
	// NoToken leaves only the older property signature.
	NoToken bool `json:"noToken"`
	// BadSignature spoils both signatures.
	BadSignature bool `json:"badSignature"`
	// Expired issues it 400 days ago: its token's year and its period are over.
	Expired bool `json:"expired"`
	// Set replaces fields before signing, by their PascalCase names.
	Set map[string]any `json:"set"`
}

// SetLicenseMode replaces the mode; the zero value is a sound license.
func (c *Cloud) SetLicenseMode(mode LicenseMode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.license = mode
}

// serveLicense makes the checks in the order of PROTOCOL.md 4.1 and issues the
// license for the installation of the token.
func (c *Cloud) serveLicense(ex *exchange) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	caller, refused, ok := c.authorize(ex.request, scopeLicensing)
	if !ok {
		return refused
	}
	org, fault := c.licensed(ex, caller.installation)
	if fault != nil {
		a := errorAnswer(fault)
		if fault.Message == textWrongLicenseKey {
			a.delay = c.opts.Penalty
		}
		return a
	}
	doc := c.license.document(*org, caller.installation, c.now())
	if err := c.signer().sign(doc, c.license, c.world.id()); err != nil {
		return errorAnswer(unhandled())
	}
	c.ledger.at(ex.entry).Effect = true
	return jsonAnswer(http.StatusOK, doc.body())
}

const textWrongLicenseKey = "Invalid license key."

// licensed finds the organization, or why it gets no license.
func (c *Cloud) licensed(ex *exchange, installationID string) (*Organization, *APIError) {
	id, err := uuid.Parse(strings.TrimPrefix(ex.entry.Path, PathLicense))
	if err != nil {
		return nil, unhandled()
	}
	b, r, fault := bindBody(ex, typeLicense)
	if fault != nil {
		return nil, fault
	}
	licenseKey, syncKey := r.text("licenseKey"), r.text("billingSyncKey")
	if b.fault != nil {
		return nil, b.fault
	}
	org := c.world.organizations[id.String()]
	if org == nil {
		return nil, notFound()
	}
	if text(licenseKey) != org.LicenseKey {
		return nil, badRequest(textWrongLicenseKey)
	}
	if fault := checkKey(org, syncKey); fault != nil {
		return nil, fault
	}
	return org, c.licensable(org, installationID)
}

func (c *Cloud) licensable(org *Organization, installationID string) *APIError {
	in := c.world.installations[installationID]
	if in == nil || !in.Enabled {
		return badRequest("Invalid installation id")
	}
	lapsed := org.Expires == nil || org.Expires.Before(c.now())
	if org.Subscription == SubscriptionNone && lapsed {
		return badRequest("No active subscription found.")
	}
	dead := []string{SubscriptionCanceled, SubscriptionIncomplete, SubscriptionIncompleteExpired}
	if slices.Contains(dead, org.Subscription) {
		return badRequest(textPayment)
	}
	return nil
}

// document fills in every field of a license (PROTOCOL.md 4.1).
func (m LicenseMode) document(org Organization, installationID string, now time.Time) document {
	issued, end := now, now.AddDate(1, 0, 0)
	if org.Expires != nil {
		end = *org.Expires
	}
	if m.Expired {
		issued = now.AddDate(0, 0, -400)
		end = now.AddDate(0, 0, -100)
	}
	doc := document{
		"LicenseKey": org.LicenseKey, "InstallationId": installationID, "Id": org.ID, "Name": org.Name,
		"BillingEmail": "billing@example.test", "BusinessName": org.Name, "Enabled": org.Enabled,
		"Plan": planName(org.PlanType), "PlanType": org.PlanType, "Version": licenseVersion, "LicenseType": 1,
		"Seats": 100, "MaxCollections": nil, "MaxStorageGb": 1, "SmSeats": nil, "SmServiceAccounts": nil,
		"Issued": issued, "Refresh": end, "Expires": end.Add(licenseGrace), "ExpirationWithoutGracePeriod": end,
	}
	for _, name := range trueFeatures {
		doc[name] = tierOf(org.PlanType) == tierEnterprise
	}
	for _, name := range falseFeatures {
		doc[name] = false
	}
	doc["SelfHost"] = true
	if m.Version != 0 {
		doc["Version"] = m.Version
	}
	for name, value := range m.Set {
		doc[name] = value
	}
	return doc
}

func planName(planType int) string {
	return map[tier]string{
		tierFree: "Free", tierFamilies: "Families (Annually)",
		tierTeams: "Teams (Annually)", tierEnterprise: "Enterprise (Annually)",
	}[tierOf(planType)]
}

// trueFeatures are what an Enterprise plan includes.
var trueFeatures = []string{
	"UsePolicies", "UseSso", "UseKeyConnector", "UseScim", "UseGroups", "UseEvents", "UseDirectory", "UseTotp",
	"Use2fa", "UseApi", "UseResetPassword", "UsersGetPremium", "UseCustomPermissions", "UsePasswordManager",
	"UseRiskInsights", "UseOrganizationDomains", "UseAdminSponsoredFamilies", "UseMyItems",
}

// falseFeatures are off in every license issued here.
var falseFeatures = []string{
	"UseSecretsManager", "UsePhishingBlocker", "LimitCollectionCreationDeletion",
	"AllowAdminAccessToAllCollectionItems", "Trial", "UseAutomaticUserConfirmation",
	"UseDisableSmAdsForUsers", "UseInviteLinks", "UsePam",
}
