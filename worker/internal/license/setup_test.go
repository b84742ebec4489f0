package license_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const org sponsorship.ID = "11111111-1111-4111-8111-111111111111" // as this server knows it

var noon = time.Date(2026, 11, 22, 12, 0, 0, 500_000_000, time.UTC)

// bundle is a simulated cloud at noon that issues licenses, and a checker that
// accepts them.
type bundle struct {
	cloud        *cloudtest.Cloud
	installation cloudtest.Installation
	organization cloudtest.Organization
	checker      license.CheckerParams
}

func setup(t *testing.T) *bundle {
	t.Helper()
	simulated := cloudtest.New(cloudtest.Options{Now: func() time.Time { return noon }})
	jobstest.Must(t, simulated.Start())
	t.Cleanup(func() { jobstest.Must(t, simulated.Close()) })
	b := &bundle{cloud: simulated, installation: simulated.AddInstallation(), organization: simulated.AddOrganization()}
	path := filepath.Join(t.TempDir(), "licensing.cer")
	jobstest.Must(t, os.WriteFile(path, simulated.CertificateDER(), 0o600))
	key, err := license.LoadCertificate(path)
	jobstest.Must(t, err)
	b.checker = license.CheckerParams{
		InstallationID: sponsorship.ID(b.installation.ID), Key: key, Now: func() time.Time { return noon },
	}
	return b
}

// issue fetches a license over the wire, as the worker does.
func (b *bundle) issue(t *testing.T, mode cloudtest.LicenseMode) json.RawMessage {
	t.Helper()
	b.cloud.SetLicenseMode(mode)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: b.cloud.URL(), APIURI: b.cloud.URL(),
			InstallationID: b.installation.ID, InstallationKey: secret.Text(b.installation.Key),
		},
		Limiter: unlimited{}, Now: time.Now, Rand: func() float64 { return 0 }, Transport: transport,
	})
	jobstest.Must(t, err)
	jobstest.Must(t, client.LicenseTurn(t.Context(), cloud.Urgent))
	raw, err := client.License(t.Context(), cloud.LicenseRequest{
		CloudOrganizationID: b.organization.ID, LicenseKey: secret.Text(b.organization.LicenseKey), BillingSyncKey: secret.Text(b.organization.BillingSyncKey),
	})
	jobstest.Must(t, err)
	return raw
}

func (b *bundle) check(raw json.RawMessage) (license.Document, error) {
	checker, err := license.NewChecker(b.checker)
	if err != nil {
		return license.Document{}, err
	}
	return checker.Check(raw, sponsorship.ID(b.organization.ID))
}

type unlimited struct{}

func (unlimited) Wait(context.Context, cloud.Lane) error      { return nil }
func (unlimited) PauseUntil(context.Context, time.Time) error { return nil }

// edited changes members of a license after it was signed.
func edited(t *testing.T, raw json.RawMessage, edit func(map[string]any)) json.RawMessage {
	t.Helper()
	var all map[string]any
	jobstest.Must(t, json.Unmarshal(raw, &all))
	edit(all)
	changed, err := json.Marshal(all)
	jobstest.Must(t, err)
	return changed
}

func with(name string, value any) func(map[string]any) {
	return func(all map[string]any) { all[name] = value }
}

// refused demands the code, and each part of the message.
func refused(t *testing.T, err error, code fault.Code, parts ...string) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %q, want %q in it", err, part)
		}
	}
}
