package events

import (
	"encoding/json"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Data is the payload of an event: one of the four kinds there are.
type Data interface {
	Sponsorship | Sync | License | Bridge
	kind() string
}

// The kinds, as they stand in subjects and types.
const (
	kindSponsorship = "sponsorship"
	kindSync        = "sync"
	kindLicense     = "license"
	kindBridge      = "bridge"
)

// Sponsorship says that one sponsorship went from one status to another, or
// that its intent or reason changed.
type Sponsorship struct {
	OrganizationID     sponsorship.ID      `json:"organizationId"`
	OrganizationUserID sponsorship.ID      `json:"organizationUserId"`
	From               sponsorship.Status  `json:"from"` // null on the wire at first
	To                 sponsorship.Status  `json:"to"`
	Intent             sponsorship.Intent  `json:"intent"`   // null on the wire unless pending
	Revision           uint64              `json:"revision"` // grows by one or more; a smaller one is old news
	ValidUntil         *time.Time          `json:"validUntil"`
	LastSyncAt         *time.Time          `json:"lastSyncAt"`
	Reason             *sponsorship.Reason `json:"reason"`
	JobID              string              `json:"jobId"` // whose wish it was; null on the wire for what a sync found out
}

// Sync says how one sync of an organization ended.
type Sync struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
	Trigger        string         `json:"trigger"` // manual, scheduled or pending
	Requests       int            `json:"requests"`
	Rows           int            `json:"rows"`
	Removed        int            `json:"removed"`
	Refused        int            `json:"refused"`
	DurationMS     int64          `json:"durationMs"`
	Error          *fault.Error   `json:"error"` // nil: it succeeded
}

// License says how a license sync ended.
type License struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
	Version        *int           `json:"version"`
	Expires        *time.Time     `json:"expires"`
	Error          *fault.Error   `json:"error"` // nil: the license was written
}

// Bridge says that the bridge to the server's own database stopped for a person to
// look, or goes on. Which of the two stands in the event's type.
type Bridge struct {
	OrganizationID     sponsorship.ID `json:"organizationId"`
	OrganizationUserID sponsorship.ID `json:"organizationUserId"` // null on the wire where all of the organization is meant
	Reason             fault.Held     `json:"reason"`
	Hint               string         `json:"hint"` // what to do about the reason
}

func (Sponsorship) kind() string { return kindSponsorship }
func (Sync) kind() string        { return kindSync }
func (License) kind() string     { return kindLicense }
func (Bridge) kind() string      { return kindBridge }

// MarshalJSON writes an absent status, intent or job as null. Reading needs no
// counterpart: null leaves the empty string.
func (s Sponsorship) MarshalJSON() ([]byte, error) {
	type plain struct {
		OrganizationID     sponsorship.ID      `json:"organizationId"`
		OrganizationUserID sponsorship.ID      `json:"organizationUserId"`
		From               *sponsorship.Status `json:"from"`
		To                 sponsorship.Status  `json:"to"`
		Intent             *sponsorship.Intent `json:"intent"`
		Revision           uint64              `json:"revision"`
		ValidUntil         *time.Time          `json:"validUntil"`
		LastSyncAt         *time.Time          `json:"lastSyncAt"`
		Reason             *sponsorship.Reason `json:"reason"`
		JobID              *string             `json:"jobId"`
	}
	return json.Marshal(plain{
		s.OrganizationID, s.OrganizationUserID, orNull(s.From), s.To, orNull(s.Intent),
		s.Revision, s.ValidUntil, s.LastSyncAt, s.Reason, orNull(s.JobID),
	})
}

// MarshalJSON writes an absent member as null.
func (b Bridge) MarshalJSON() ([]byte, error) {
	type plain struct {
		OrganizationID     sponsorship.ID  `json:"organizationId"`
		OrganizationUserID *sponsorship.ID `json:"organizationUserId"`
		Reason             fault.Held      `json:"reason"`
		Hint               string          `json:"hint"`
	}
	return json.Marshal(plain{b.OrganizationID, orNull(b.OrganizationUserID), b.Reason, b.Hint})
}

func orNull[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}
