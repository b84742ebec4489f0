package cloud

import (
	"context"
	"encoding/json"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Disabled stands for the client while cloud communication is switched off:
// then nothing in the process could call the cloud.
type Disabled struct{}

// Allowed returns a cloud_communication_disabled fault.
func (Disabled) Allowed() error {
	return fault.New(fault.CloudCommunicationDisabled, "cloud communication is switched off on this server")
}

// Turn returns the fault of Allowed.
func (d Disabled) Turn(context.Context, Lane) error { return d.Allowed() }

// LicenseTurn returns the fault of Allowed.
func (d Disabled) LicenseTurn(context.Context, Lane) error { return d.Allowed() }

// Sync returns the fault of Allowed.
func (d Disabled) Sync(context.Context, SyncRequest) ([]RowAnswer, error) { return nil, d.Allowed() }

// License returns the fault of Allowed.
func (d Disabled) License(context.Context, LicenseRequest) (json.RawMessage, error) {
	return nil, d.Allowed()
}

// Allowed returns nil: this server may call the cloud.
func (*Client) Allowed() error { return nil }
