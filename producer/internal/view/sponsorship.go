package view

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
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
