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
	CloudRecordsDamaged        Code = "cloud_records_damaged"
	CloudProtocolError         Code = "cloud_protocol_error"
	NotAccepted                Code = "not_accepted"
	AlreadySponsoring          Code = "already_sponsoring"
	AlreadyRedeemed            Code = "already_redeemed"
	RevocationPending          Code = "revocation_pending"
	SponsorshipNotFound        Code = "sponsorship_not_found"
	Superseded                 Code = "superseded"
	ManagedByVault             Code = "managed_by_vault"
	MailUncertain              Code = "mail_uncertain"
	RecipientUnconfirmed       Code = "recipient_unconfirmed"
	OfferRecreated             Code = "offer_recreated"
	PlanNotEligible            Code = "plan_not_eligible"
	LicenseRejected            Code = "license_rejected"
	UnsupportedVersion         Code = "unsupported_version"
	LicenseKeyInvalid          Code = "license_key_invalid"
	SubscriptionInactive       Code = "subscription_inactive"
	BridgeDatabaseUnavailable  Code = "bridge_database_unavailable"
	BridgeSchemaUnknown        Code = "bridge_schema_unknown"
	BridgeDatabaseUnsafe       Code = "bridge_database_unsafe"
	BridgeHeld                 Code = "bridge_held"
	Paused                     Code = "paused"
	StoreFull                  Code = "store_full"
	InvalidArguments           Code = "invalid_arguments"
	Unauthorized               Code = "unauthorized"
	IdempotencyKeyReused       Code = "idempotency_key_reused"
	PayloadTooLarge            Code = "payload_too_large"
	QueueUnavailable           Code = "queue_unavailable"
	NotFound                   Code = "not_found"
	MethodNotAllowed           Code = "method_not_allowed"
	TooManyRequests            Code = "too_many_requests"
	Forbidden                  Code = "forbidden"
)

// hints holds one sentence or two per code: which setting, which page, which token.
var hints = map[Code]string{
	CloudCommunicationDisabled: "Set globalSettings__enableCloudCommunication=true in bwdata/env/global.override.env and restart the worker.",
	ConnectionMissing:          "Give the billing sync token to 'producer connect'. Only where the bridge follows the server's own database (SPONSORSYNC_BRIDGE is read or full) save it in the server's web vault instead (Admin Console > Billing > Subscription > Manage billing sync), and have the server's own sync job switched off before the first sync.",
	InstallationRejected:       "Check globalSettings__installation__id, globalSettings__installation__key and the region: an id of the US cloud is unknown in the EU and the reverse. EU servers also need the identityUri and apiUri of bitwarden.eu.",
	BillingSyncTokenInvalid:    "In the cloud web app, Admin Console > Billing > Subscription > Self-hosting > Set up billing sync, generate the token and give it to 'producer connect' again; where the bridge follows the server's own database, save it in the server's web vault instead. A rotated token makes the old one invalid at once.",
	OrganizationUnknown:        "Check the cloud organization's id (it is the Id in the license file) and the region: the other region's cloud does not know it.",
	CloudRateLimited:           "Nothing to do: the cloud's limit is shared by everything behind your address, and the job goes on by itself when the cloud allows.",
	CloudEdgeBlocked:           "The cloud's network protection refused your address; no credential is wrong. The job goes on by itself; if it lasts, connect from another address or ask Bitwarden's support.",
	CloudUnavailable:           "The job goes on by itself when the cloud answers. If it lasts: allow outgoing HTTPS to https://api.bitwarden.com and https://identity.bitwarden.com (or the same hosts under bitwarden.eu) in your firewall, and make sure that a billing sync token was generated in the cloud web app (Billing > Subscription > Set up billing sync).",
	CloudRecordsDamaged:        "Tell Bitwarden's support that the cloud holds two Families sponsorships with one sponsoring organization user for your organization, so that every billing sync that has a sponsorship is answered with 500; only they can remove one. Then start a sync. Nothing here is lost, and no address or label needs to be changed.",
	CloudProtocolError:         "Something between here and the cloud answered in its place (a proxy, a captive portal), or a URI is wrong: check apiUri and identityUri, then run 'worker doctor'.",
	NotAccepted:                "Check that the cloud organization is on an Enterprise plan and not disabled; if the reason names the address or the label, change that. It is offered again with every full sync.",
	AlreadySponsoring:          "This member already sponsors someone. Change the sponsorship, or revoke it and redeem again after the next sync.",
	AlreadyRedeemed:            "The recipient has accepted the offer, so the address can no longer change. Revoke the sponsorship to offer it to someone else.",
	RevocationPending:          "Redeem again when it is removed; one that was in use ends with its term, and 'producer status' shows the date.",
	SponsorshipNotFound:        "There is nothing to change or to revoke: the member has no sponsorship here. An admin's own offer goes by the id that 'producer status' shows, not by the admin's.",
	Superseded:                 "A later job for this member has taken effect. Send a new job if you still want what this one asked for.",
	ManagedByVault:             "This sponsorship belongs to the vault of the self-hosted server: the member changes it there, under Settings > Free Bitwarden Families. Only a revocation is taken from elsewhere.",
	MailUncertain:              "The cloud has the offer, but perhaps never mailed it. Ask the recipient; if no mail came, run 'producer change-sponsorship --resend', which withdraws the offer and makes it again.",
	RecipientUnconfirmed:       "The sponsorship was taken over without a date, so the cloud may have mailed somebody else before. Ask the recipient whether the mail came; if not, run 'producer change-sponsorship --resend'.",
	OfferRecreated:             "The cloud had lost this sponsorship after it was accepted, and has offered and mailed it anew. Ask the recipient to accept again, then start a sync by hand; or revoke it. It is not sent again before a sync by hand, a change or --resend.",
	PlanNotEligible:            "Check in the cloud web app, Admin Console > Billing > Subscription, that the organization is on an Enterprise plan: the cloud no longer answers for sponsorships that it knows. They keep their status, and the next sync after the plan is put right confirms them.",
	LicenseRejected:            "If the message names a file or a folder, let the worker's user write there. Else download the license in the cloud web app (Billing > Subscription) and check that it belongs to this installation; then sync again or upload it by hand.",
	UnsupportedVersion:         "Update the self-hosted server (back up the bwdata folder first), then upload the license file again.",
	LicenseKeyInvalid:          "The license key is not the cloud organization's: save the connection again with the LicenseKey of the current license file.",
	SubscriptionInactive:       "The cloud organization has no active subscription or a payment is due: see Billing > Subscription in the cloud web app.",
	BridgeDatabaseUnavailable:  "Check that the server's database runs, and SPONSORSYNC_BRIDGE_DATABASE (or the server's own connection string) with the rights of its user. The bridge goes on by itself.",
	BridgeSchemaUnknown:        "If the message names a GRANT, run it as the administrator of the server's database. Else the tables are not those that this version knows, so nothing is read or written: update sponsorsync after the server; until then SPONSORSYNC_BRIDGE=off leaves everything else at work.",
	BridgeDatabaseUnsafe:       "The SQLite database is not in WAL mode, so a reader could block the server. Only while the server is stopped, and with a copy of the file at hand, switch it to WAL with the command that the message names. The bridge goes on by itself.",
	BridgeHeld:                 "The bridge has stopped for this organization until somebody has looked. Run 'producer bridge --dry-run --org ORG', then 'producer bridge resume --org ORG'.",
	Paused:                     "Somebody has paused sending. Run 'producer resume' (with --org for one organization) to go on; nothing that was accepted is lost.",
	StoreFull:                  "The ledger has reached its bound and takes no new jobs. Start NATS or the worker if events or jobs pile up, delete dead jobs with 'producer jobs delete', or give Redis more memory; then send again what was refused.",
	InvalidArguments:           "Correct the named fields and send the request again; nothing was changed.",
	Unauthorized:               "Send 'Authorization: Bearer' with SPONSORSYNC_API_TOKEN, or sign the hook with SPONSORSYNC_HOOK_SECRET.",
	IdempotencyKeyReused:       "Use a new Idempotency-Key: this one was used with another body.",
	PayloadTooLarge:            "Send at most 1000 jobs in one request, or split the file.",
	QueueUnavailable:           "Check that Redis runs and has memory and disk left, and that REDIS_URL is right. What was acknowledged is not lost; only if you were enqueueing something, do so again.",
	NotFound:                   "Check the address and the id: nothing of that name is known here. GET /openapi.yaml lists what there is.",
	MethodNotAllowed:           "Use one of the methods that the Allow header names.",
	TooManyRequests:            "Wait as long as the Retry-After header says, then send the request again.",
	Forbidden:                  "SPONSORSYNC_READ_TOKEN may look and change nothing. Send SPONSORSYNC_API_TOKEN.",
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
	case CloudRateLimited, CloudEdgeBlocked, CloudUnavailable, CloudProtocolError, QueueUnavailable,
		BridgeDatabaseUnavailable, TooManyRequests:
		return true
	}
	return false
}
