package fault

import (
	"maps"
	"slices"
)

// Code names one cause. Codes are part of the public contract and never change.
type Code string

// The codes. See hints for what to do about each.
const (
	CloudCommunicationDisabled Code = "cloud_communication_disabled"
	ConnectionMissing          Code = "connection_missing"
	InstallationRejected       Code = "installation_rejected"
	BillingSyncTokenInvalid    Code = "billing_sync_token_invalid"
	OrganizationUnknown        Code = "organization_unknown"
	CloudRateLimited           Code = "cloud_rate_limited"
	CloudEdgeBlocked           Code = "cloud_edge_blocked"
	CloudUnavailable           Code = "cloud_unavailable"
	CloudProtocolError         Code = "cloud_protocol_error"
	NotAccepted                Code = "not_accepted"
	AlreadySponsoring          Code = "already_sponsoring"
	AlreadyRedeemed            Code = "already_redeemed"
	RevocationPending          Code = "revocation_pending"
	SponsorshipNotFound        Code = "sponsorship_not_found"
	LicenseRejected            Code = "license_rejected"
	UnsupportedVersion         Code = "unsupported_version"
	LicenseKeyInvalid          Code = "license_key_invalid"
	SubscriptionInactive       Code = "subscription_inactive"
	InvalidArguments           Code = "invalid_arguments"
	Unauthorized               Code = "unauthorized"
	IdempotencyKeyReused       Code = "idempotency_key_reused"
	PayloadTooLarge            Code = "payload_too_large"
	QueueUnavailable           Code = "queue_unavailable"
)

// hints holds one sentence or two a code: which setting, which page, which token.
var hints = map[Code]string{
	CloudCommunicationDisabled: "Set globalSettings__enableCloudCommunication=true in bwdata/env/global.override.env and restart the worker.",
	ConnectionMissing:          "Paste the billing sync token first: 'producer connect', or Admin Console > Billing > Subscription > Manage billing sync.",
	InstallationRejected:       "Check globalSettings__installation__id, globalSettings__installation__key and the region: an id of the US cloud is unknown in the EU and the reverse. EU servers also need the identityUri and apiUri of bitwarden.eu.",
	BillingSyncTokenInvalid:    "In the cloud web app, Admin Console > Billing > Subscription > Self-hosting > Set up billing sync, generate the token and save it here again (Manage billing sync). A rotated token makes the old one invalid at once.",
	OrganizationUnknown:        "Check the cloud organisation's id (it is the Id in the licence file) and the region: the other region's cloud does not know it.",
	CloudRateLimited:           "Nothing to do: the cloud's limit is shared by everything behind your address, and the job goes on by itself when the cloud allows.",
	CloudEdgeBlocked:           "The cloud's network protection refused your address; no credential is wrong. The job goes on by itself; if it lasts, connect from another address or ask Bitwarden's support.",
	CloudUnavailable:           "The job goes on by itself when the cloud answers. If it lasts: allow outgoing HTTPS to https://api.bitwarden.com and https://identity.bitwarden.com (or the same hosts under bitwarden.eu) in your firewall, and make sure that a billing sync token was generated in the cloud web app (Billing > Subscription > Set up billing sync).",
	CloudProtocolError:         "Something between here and the cloud answered in its place (a proxy, a captive portal), or an URI is wrong: check apiUri and identityUri, then run 'worker doctor'.",
	NotAccepted:                "Check that the cloud organisation is on an Enterprise plan and not disabled; if the reason names the address or the label, change that. It is offered again with every full sync.",
	AlreadySponsoring:          "This member already sponsors someone. Change the sponsorship, or revoke it and redeem again after the next sync.",
	AlreadyRedeemed:            "The recipient has accepted the offer, so the address can no longer change. Revoke the sponsorship to offer it to someone else.",
	RevocationPending:          "The sponsorship is being revoked. Redeem again when it is removed.",
	SponsorshipNotFound:        "This member has no sponsorship. Redeem one first.",
	LicenseRejected:            "Download the licence in the cloud web app (Billing > Subscription) and check that it belongs to this installation; then sync again or upload it by hand.",
	UnsupportedVersion:         "Update the self-hosted server (back up the bwdata folder first), then upload the licence file again.",
	LicenseKeyInvalid:          "The licence key is not the cloud organisation's: save the connection again with the LicenseKey of the current licence file.",
	SubscriptionInactive:       "The cloud organisation has no active subscription or a payment is due: see Billing > Subscription in the cloud web app.",
	InvalidArguments:           "Correct the named fields and send the request again; nothing was changed.",
	Unauthorized:               "Send 'Authorization: Bearer' with SPONSORSYNC_API_TOKEN, or sign the hook with SPONSORSYNC_HOOK_SECRET.",
	IdempotencyKeyReused:       "Use a new Idempotency-Key: this one was used with another body.",
	PayloadTooLarge:            "Send at most 1000 jobs in one request, or split the file.",
	QueueUnavailable:           "Check that Redis runs and that REDIS_URL is right. What was acknowledged is not lost; send again what was not.",
}

// Codes returns every code, sorted.
func Codes() []Code { return slices.Sorted(maps.Keys(hints)) }

// Hint says what to do, or "" for an unknown code.
func (c Code) Hint() string { return hints[c] }

// NeedsAdmin reports whether trying again cannot help until somebody changes a
// setting, a token or a plan.
func (c Code) NeedsAdmin() bool {
	switch c {
	case CloudCommunicationDisabled, ConnectionMissing, InstallationRejected, BillingSyncTokenInvalid,
		OrganizationUnknown, LicenseRejected, UnsupportedVersion, LicenseKeyInvalid, SubscriptionInactive:
		return true
	}
	return false
}

// Transient reports whether the same call may succeed later without anybody's help.
func (c Code) Transient() bool {
	switch c {
	case CloudRateLimited, CloudEdgeBlocked, CloudUnavailable, CloudProtocolError, QueueUnavailable:
		return true
	}
	return false
}
