// Package cloudtest is a Bitwarden cloud in memory: identity, billing sync and
// licence endpoints on one loopback listener, quirks and defects included, so
// that our tests, the devstack and a demo meet the same surprises as production.
//
// It never talks to a real cloud, never writes to disk, never logs, and must
// not be linked into the worker or the producer. All its mails stay in memory.
//
// Tests use the Go methods of [Cloud]. Other processes steer it over HTTP with
// JSON below /_control/, which is neither authenticated nor rate limited:
//
//	POST   /_control/installations              create; body: fields of Installation, all optional
//	PATCH  /_control/installations/{id}         change fields
//	POST   /_control/organizations              create; body: fields of Organization, all optional
//	PATCH  /_control/organizations/{id}         change fields (planType, enabled, billingSyncKey, ...)
//	POST   /_control/organizations/{id}/rotate-key
//	GET    /_control/mails?to=ADDR              offer mails, oldest first
//	GET    /_control/rows?organizationId=ORG    sponsorship rows of the cloud
//	GET    /_control/requests                   every request that arrived
//	GET    /_control/stats                      counters
//	POST   /_control/accept                     {"organizationId","organizationUserId"} or {"mail":INDEX}
//	POST   /_control/redeem                     {"token","email","sponsoredOrganizationId"}
//	POST   /_control/validate-token             {"token","email"}
//	POST   /_control/remove-sponsored           {"organizationId","organizationUserId"}
//	POST   /_control/revoke                     {"organizationId","organizationUserId"}
//	POST   /_control/renew                      {"organizationId","organizationUserId","validUntil"}
//	POST   /_control/purge                      the Monday purge
//	POST   /_control/faults                     see FaultSpec; DELETE drops all queued faults
//	POST   /_control/expire-tokens
//	PUT    /_control/limits                     fields of Limits
//	PUT    /_control/license                    fields of LicenseMode
//	GET    /_control/certificate                PEM of the certificate that licences verify against
//
// Comments that say "fact sheet" cite the protocol research by section number.
package cloudtest
