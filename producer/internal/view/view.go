// Package view is how organisations and sponsorships are shown to the outside:
// the JSON objects that the HTTP API and `producer status --json` share, and
// the reading that fills them. It never shows a token or a key, and changes
// nothing.
package view

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Organization is the public form of one organisation.
type Organization struct {
	OrganizationID      sponsorship.ID               `json:"organizationId"`
	CloudOrganizationID *sponsorship.ID              `json:"cloudOrganizationId"`
	Connected           bool                         `json:"connected"`
	LastSyncAt          *time.Time                   `json:"lastSyncAt"` // null until the first sync
	NextSyncAt          *time.Time                   `json:"nextSyncAt"`
	LastLicenseSyncAt   *time.Time                   `json:"lastLicenseSyncAt"`
	LastError           *Error                       `json:"lastError"` // of a sync or a licence sync, whichever is newer
	Counts              map[sponsorship.Status]int64 `json:"counts"`
}

// Error is the last failure: what happened, what to do, since when, how often,
// and when it is tried next (null when somebody has to act first).
type Error struct {
	Code        fault.Code `json:"code"`
	Message     string     `json:"message"`
	Hint        string     `json:"hint"`
	At          time.Time  `json:"at"`
	Attempts    int        `json:"attempts,omitempty"`
	NextAttempt *time.Time `json:"nextAttemptAt,omitempty"`
}

// Sponsorship is the public form of one sponsorship.
type Sponsorship struct {
	OrganizationUserID sponsorship.ID      `json:"organizationUserId"`
	Status             sponsorship.Status  `json:"status"`
	Intent             *sponsorship.Intent `json:"intent"` // null unless pending
	Revision           uint64              `json:"revision"`
	FriendlyName       string              `json:"friendlyName"`
	SponsoredEmail     string              `json:"sponsoredEmail"`
	AdminInitiated     bool                `json:"adminInitiated"`
	LastSyncAt         *time.Time          `json:"lastSyncAt"`
	ValidUntil         *time.Time          `json:"validUntil"`
	Reason             *sponsorship.Reason `json:"reason"`
	UpdatedAt          time.Time           `json:"updatedAt"`
}

// ReadOrganization returns the public form of one organisation, or false if it
// was never seen here.
func ReadOrganization(ctx context.Context, l *state.Ledger, id sponsorship.ID) (Organization, bool, error) {
	org, known, err := l.Organization(ctx, id)
	if err != nil || !known {
		return Organization{}, false, err
	}
	counts, err := l.Counts(ctx, id)
	return Show(org, counts), true, err
}

// Show is the pure part of ReadOrganization.
func Show(org state.Organization, counts map[sponsorship.Status]int64) Organization {
	shown := Organization{
		OrganizationID: org.ID, Connected: org.Connected, LastSyncAt: org.LastSyncAt, NextSyncAt: org.NextSyncAt,
		LastLicenseSyncAt: org.LastLicenseSyncAt, Counts: counts,
	}
	if org.CloudOrganizationID != "" {
		shown.CloudOrganizationID = &org.CloudOrganizationID
	}
	if org.Paused != "" {
		shown.NextSyncAt = nil // somebody has to act first
	}
	shown.LastError = lastError(org)
	return shown
}

// lastError shows the newer one of both failures; each is cleared by its own
// next success.
func lastError(org state.Organization) *Error {
	sync, license := org.LastError, org.LastLicenseError
	if sync == nil || license != nil && license.At.After(sync.At) {
		return showFailure(license)
	}
	shown := showFailure(sync)
	shown.Attempts = org.Failures
	if !sync.Code.NeedsAdmin() {
		shown.NextAttempt = org.RetryAt
	}
	return shown
}

// ShowSponsorship returns the public form of one sponsorship.
func ShowSponsorship(s sponsorship.Sponsorship) Sponsorship {
	shown := Sponsorship{
		OrganizationUserID: s.UserID, Status: s.Status, Revision: s.Revision,
		FriendlyName: s.Name, SponsoredEmail: s.Email, AdminInitiated: s.AdminInitiated,
		LastSyncAt: utc(s.LastSyncAt), ValidUntil: utc(s.ValidUntil), Reason: s.Reason, UpdatedAt: s.UpdatedAt.UTC(),
	}
	if s.Intent != "" {
		shown.Intent = &s.Intent
	}
	return shown
}

func showFailure(f *state.Failure) *Error {
	if f == nil {
		return nil
	}
	return &Error{Code: f.Code, Message: f.Message, Hint: f.Hint(), At: f.At}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
