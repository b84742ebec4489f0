package cloud_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

func TestLicense(t *testing.T) {
	t.Parallel()
	const license = `{ "licenseKey":"k", "version": 15, "token":"a.b.c" }`
	b := setup(t)
	b.wire.api = always(200, license)
	got, err := b.License(t.Context(), cloud.LicenseRequest{
		CloudOrganizationID: organization, LicenseKey: "key", BillingSyncKey: secretToken,
	})
	if err != nil || string(got) != license {
		t.Fatalf("got %s, %v; want the license byte for byte", got, err)
	}
	sent := b.wire.to("/v1/licenses/organization/" + organization)
	if len(sent) != 1 || sent[0].method != "GET" || sent[0].body != `{"licenseKey":"key","billingSyncKey":"`+secretToken+`"}` {
		t.Errorf("sent %+v", sent)
	}
}

func TestLicenseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		code   fault.Code
	}{
		{"page", 200, "<html>", fault.CloudProtocolError},
		{"another document", 200, `{"status":"ok"}`, fault.CloudProtocolError},
		{"array", 200, `[15]`, fault.CloudProtocolError},
		{"null", 200, `null`, fault.CloudProtocolError},
		{"key", 400, bitwarden("Invalid license key."), fault.LicenseKeyInvalid},
		{"unknown", 404, bitwarden("Resource not found."), fault.OrganizationUnknown},
		{"outage", 503, "", fault.CloudUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.wire.api = always(tt.status, tt.body)
			got, err := b.License(t.Context(), cloud.LicenseRequest{CloudOrganizationID: organization})
			failure(t, err, tt.code)
			if got != nil {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestLicenseIDIsNoPath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.License(t.Context(), cloud.LicenseRequest{CloudOrganizationID: "../../x"})
	if fault.CodeOf(err) != fault.InvalidArguments || len(b.wire.to("/x")) != 0 {
		t.Errorf("got %v", err)
	}
}
