package cloud_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// simulated is a client of the simulated cloud with one customer.
func simulated(t *testing.T) (bundle, *cloudtest.Cloud, cloudtest.Organization) {
	t.Helper()
	sim := cloudtest.New(cloudtest.Options{})
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	installation := sim.AddInstallation()
	b := setup(t, func(p *cloud.Params) {
		p.Transport = nil
		p.Config.IdentityURI, p.Config.APIURI = sim.URL(), sim.URL()
		p.Config.InstallationID, p.Config.InstallationKey = installation.ID, secret.Text(installation.Key)
	})
	return b, sim, sim.AddOrganization()
}

func TestLifeOfASponsorship(t *testing.T) {
	t.Parallel()
	client, sim, org := simulated(t)
	send := func(row cloud.Row) []cloud.RowAnswer {
		t.Helper()
		answers, err := client.Sync(t.Context(), cloud.SyncRequest{
			BillingSyncKey: secret.Text(org.BillingSyncKey), CloudOrganizationID: org.ID, Rows: []cloud.Row{row},
		})
		if err != nil {
			t.Fatal(err)
		}
		return answers
	}
	offer := cloud.Row{UserID: user1, Name: "Ada", Email: address}
	withdrawal := cloud.Row{UserID: user1, Name: "Ada", Email: address, Delete: true}

	if got := send(offer); len(got) != 1 || got[0].ValidUntil != nil || got[0].LastSyncDate == nil {
		t.Fatalf("offered: got %+v", got)
	}
	if got := send(withdrawal); len(got) != 1 || !got[0].Removed {
		t.Fatalf("withdrawn: got %+v", got)
	}
	if got := send(withdrawal); len(got) != 0 {
		t.Fatalf("withdrawn again: got %+v, want no row", got)
	}
	if n := len(sim.Mails()); n != 1 {
		t.Errorf("%d mails for one offer", n)
	}
	send(offer)
	if _, err := sim.Accept(org.ID, user1); err != nil {
		t.Fatal(err)
	}
	if got := send(offer); len(got) != 1 || got[0].ValidUntil == nil {
		t.Fatalf("redeemed: got %+v", got)
	}
	if got := send(withdrawal); len(got) != 1 || got[0].Removed || !got[0].ToDelete {
		t.Fatalf("expiring: got %+v", got)
	}
}

func TestLicenseOfTheSimulatedCloud(t *testing.T) {
	t.Parallel()
	client, _, org := simulated(t)
	request := cloud.LicenseRequest{CloudOrganizationID: org.ID, LicenseKey: secret.Text(org.LicenseKey), BillingSyncKey: secret.Text(org.BillingSyncKey)}
	if license, err := client.License(t.Context(), request); err != nil || len(license) == 0 {
		t.Fatalf("got %s, %v", license, err)
	}
	request.BillingSyncKey = "wrong"
	_, err := client.License(t.Context(), request)
	failure(t, err, fault.BillingSyncTokenInvalid)
	request.CloudOrganizationID = organization
	_, err = client.License(t.Context(), request)
	failure(t, err, fault.OrganizationUnknown)
}

func TestFaultsOfTheSimulatedCloud(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault cloudtest.Fault
		code  fault.Code
	}{
		"limited":     {cloudtest.RateLimited("5"), fault.CloudRateLimited},
		"server":      {cloudtest.ServerError(), fault.CloudUnavailable},
		"gateway":     {cloudtest.BadGateway(), fault.CloudUnavailable},
		"unavailable": {cloudtest.Unavailable(), fault.CloudUnavailable},
		"edge":        {cloudtest.EdgeBlock(), fault.CloudEdgeBlocked},
		"garbage":     {cloudtest.Garbage(), fault.CloudProtocolError},
		"page":        {cloudtest.HTML(), fault.CloudProtocolError},
		"oversize":    {cloudtest.Oversize(33 << 20), fault.CloudProtocolError},
		"reset":       {cloudtest.Reset(), fault.CloudUnavailable},
		"lost":        {cloudtest.LostAnswer(), fault.CloudUnavailable},
		"redirect":    {cloudtest.Redirect("https://portal.example/"), fault.CloudProtocolError},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, sim, org := simulated(t)
			request := cloud.SyncRequest{BillingSyncKey: secret.Text(org.BillingSyncKey), CloudOrganizationID: org.ID}
			sim.Inject(tt.fault)
			_, err := client.Sync(t.Context(), request)
			e := failure(t, err, tt.code)
			if e.ServerError != (name == "server") || (e.RetryAfter != 0) != (name == "limited") {
				t.Errorf("got %+v", e)
			}
			if _, err := client.Sync(t.Context(), request); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
	t.Run("tokens expired", func(t *testing.T) {
		t.Parallel()
		client, sim, org := simulated(t)
		request := cloud.SyncRequest{BillingSyncKey: secret.Text(org.BillingSyncKey), CloudOrganizationID: org.ID}
		for range 2 {
			if _, err := client.Sync(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			sim.ExpireTokens()
		}
	})
}
