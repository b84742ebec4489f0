package view

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// readers is how many organizations are read at once.
const readers = 16

// Organization is the public form of one organization.
type Organization struct {
	OrganizationID      sponsorship.ID               `json:"organizationId"`
	CloudOrganizationID *sponsorship.ID              `json:"cloudOrganizationId"`
	Connected           bool                         `json:"connected"`
	Paused              bool                         `json:"paused"`     // a person has stopped sending, of this one or of all
	LastSyncAt          *time.Time                   `json:"lastSyncAt"` // null until the first sync
	NextSyncAt          *time.Time                   `json:"nextSyncAt"`
	LastLicenseSyncAt   *time.Time                   `json:"lastLicenseSyncAt"`
	LastError           *Error                       `json:"lastError"`        // of a sync; null once one has succeeded
	LastLicenseError    *Error                       `json:"lastLicenseError"` // of a license sync; it stops no other
	Bridge              *Bridge                      `json:"bridge"`           // null where no bridge follows it
	OfficialJobOff      *Answer                      `json:"officialJobOff"`
	Counts              map[sponsorship.Status]int64 `json:"counts"`

	FromVault    bool `json:"-"` // the connection
	Disconnected bool `json:"-"` // a person has ended it here
}

// Answer is what a person said with a job: of officialJobOff, that the server's own sync
// job is switched off.
type Answer struct {
	At    time.Time `json:"at"`
	JobID string    `json:"jobId"`
}

// ReadOrganization returns the public form of one organization, or false if it
// was never seen here.
func ReadOrganization(ctx context.Context, l *state.Ledger, id sponsorship.ID) (Organization, bool, error) {
	org, known, err := l.Organization(ctx, id)
	if err != nil || !known {
		return Organization{}, false, err
	}
	counts, err := l.Counts(ctx, id)
	return Show(org, counts), true, err
}

// ReadOrganizations reads all organizations, sorted by id.
func ReadOrganizations(ctx context.Context, l *state.Ledger) ([]Organization, error) {
	ids, err := l.Organizations(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	all := make([]Organization, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, id := range ids {
		group.Go(func() (err error) {
			all[i], _, err = ReadOrganization(ctx, l, id)
			return err
		})
	}
	return all, group.Wait()
}

// Show is the pure part of ReadOrganization.
func Show(org state.Organization, counts map[sponsorship.Status]int64) Organization {
	shown := Organization{
		OrganizationID: org.ID, Connected: org.Connected, Paused: org.Stopped, LastSyncAt: org.LastSyncAt, NextSyncAt: org.NextSyncAt,
		LastLicenseSyncAt: org.LastLicenseSyncAt, Bridge: showBridge(org), Counts: counts, FromVault: org.FromVault, Disconnected: org.Disconnected,
	}
	if said := org.OfficialJobOff; said != nil {
		shown.OfficialJobOff = &Answer{said.At.UTC(), said.JobID}
	}
	if org.CloudOrganizationID != "" {
		shown.CloudOrganizationID = &org.CloudOrganizationID
	}
	if org.Paused != "" {
		shown.NextSyncAt = nil // somebody has to act first
	}
	shown.LastError, shown.LastLicenseError = lastError(org), showFailure(org.LastLicenseError)
	return shown
}

func lastError(org state.Organization) *Error {
	shown := showFailure(org.LastError)
	if shown == nil {
		return nil
	}
	shown.Attempts = org.Failures
	if !shown.Code.NeedsAdmin() {
		shown.NextAttempt = org.RetryAt
	}
	return shown
}
