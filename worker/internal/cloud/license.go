package cloud

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// LicenseRequest names the organization and proves that it is yours.
type LicenseRequest struct {
	CloudOrganizationID string // the Id of the license file
	LicenseKey          secret.Text
	BillingSyncKey      secret.Text
}

type wireLicense struct {
	LicenseKey     string `json:"licenseKey"`
	BillingSyncKey string `json:"billingSyncKey"`
}

// LicenseTurn is [Client.Turn] for a License.
func (c *Client) LicenseTurn(ctx context.Context, lane Lane) error {
	return c.ready(ctx, request{op: c.license, token: c.licenseToken}, lane)
}

// License fetches a fresh license, issued for the installation that asks; its
// [Client.LicenseTurn] has come. The JSON is the cloud's own, byte for byte, since
// it is signed; only that it is a license at all is checked here. The error is as
// that of [Client.Sync].
func (c *Client) License(ctx context.Context, r LicenseRequest) (json.RawMessage, error) {
	organization, err := uuid.Parse(r.CloudOrganizationID)
	if err != nil {
		return nil, fault.New(fault.InvalidArguments, "cloud organization id: it is not a GUID")
	}
	var license json.RawMessage
	err = c.call(ctx, request{
		op: c.license, token: c.licenseToken,
		method: http.MethodGet, path: "licenses/organization/" + organization.String(),
		who:  organization.String(),
		body: wireLicense{LicenseKey: r.LicenseKey.Reveal(), BillingSyncKey: r.BillingSyncKey.Reveal()},
		read: func(raw []byte) (err error) {
			license, err = decodeLicense(raw)
			return err
		},
	})
	return license, err
}

// decodeLicense tells a license by the version that each has (PROTOCOL.md 4.1).
func decodeLicense(raw []byte) (json.RawMessage, error) {
	var license struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(raw, &license); err != nil {
		return nil, errNotJSON
	}
	if license.Version == nil {
		return nil, errNotALicense
	}
	return raw, nil
}
