package cloud_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

func TestDisabledRefusesEveryCall(t *testing.T) {
	t.Parallel()
	var off cloud.Disabled
	_, syncErr := off.Sync(t.Context(), cloud.SyncRequest{})
	_, licenseErr := off.License(t.Context(), cloud.LicenseRequest{})
	for name, err := range map[string]error{"allowed": off.Allowed(), "sync": syncErr, "license": licenseErr} {
		if fault.CodeOf(err) != fault.CloudCommunicationDisabled {
			t.Errorf("%s: err = %v, want cloud_communication_disabled", name, err)
		}
	}
}
