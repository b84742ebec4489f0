package view

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

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

// ShowSponsorship returns the public form of one sponsorship. fullSync is when the
// last full sync of its organization was answered, nil for never.
func ShowSponsorship(s sponsorship.Sponsorship, fullSync *time.Time) Sponsorship {
	s.LastSyncAt = s.SyncedAt(fullSync)
	shown := Sponsorship{
		OrganizationUserID: s.UserID, Status: s.Status, Revision: s.Revision,
		FriendlyName: s.Name, SponsoredEmail: s.Email, AdminInitiated: s.AdminInitiated,
		LastSyncAt: sponsorship.UTC(s.LastSyncAt), ValidUntil: sponsorship.UTC(s.ValidUntil), Reason: s.Reason, UpdatedAt: s.UpdatedAt.UTC(),
	}
	if s.Intent != "" {
		shown.Intent = &s.Intent
	}
	return shown
}

// ReadSponsorship returns the public form of one sponsorship, or false if there never
// was one.
func ReadSponsorship(ctx context.Context, l *state.Ledger, org, user sponsorship.ID) (Sponsorship, bool, error) {
	found, err := l.Get(ctx, org, user)
	if err != nil || found[0].Status == "" {
		return Sponsorship{}, false, err
	}
	of, _, err := l.Organization(ctx, org)
	return ShowSponsorship(found[0], of.LastSyncAt), true, err
}
