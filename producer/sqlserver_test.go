package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/tds"
)

// The same as on the other engines, with the standard install's own settings, against the
// stand-in for SQL Server. Not parallel: serve sets the logger of go-redis.
func TestServeFollowsSQLServer(t *testing.T) {
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { _ = stack.Close() })
	const org, member, account = "6f1ed002-ab5d-4bb3-9b7a-b08b00000001", "9d0e8400-e29b-41d4-a716-b08b00000001", "7d444840-9dc0-11d1-b245-b08b00000001"
	v := tds.Start(t, tds.Options{User: "sa", Password: `p;"=a`, Database: "vault", Administrator: true})
	v.Insert("Organization", tds.Row{"Id": org, "Name": "Acme", "LicenseKey": "KEY"})
	v.Insert("OrganizationUser", tds.Row{"Id": member, "OrganizationId": org, "UserId": account})
	v.Insert("OrganizationConnection", tds.Row{"Id": account, "OrganizationId": org, "Type": 1, "Enabled": true,
		"Config": `{"BillingSyncKey":"abcdefghijABCDEFGHIJ0123456789","CloudOrganizationId":"22222222-2222-4222-8222-222222222222"}`})

	s := startServe(t, stack.RedisURL(), stack.NATSURL(), "SPONSORSYNC_BRIDGE=read", "SPONSORSYNC_BRIDGE_INTERVAL=100ms",
		fmt.Sprintf("globalSettings__sqlServer__connectionString=Data Source=tcp:127.0.0.1,%d;Initial Catalog=vault;Persist Security Info=False;"+
			`User ID=sa;Password="p;""=a";MultipleActiveResultSets=False;Connect Timeout=30;Encrypt=False;TrustServerCertificate=True`, v.Port()))
	rdb := jobstest.Value(enqueue.NewRedis(stack.RedisURL()))(t)
	t.Cleanup(func() { _ = rdb.Close() })
	ledger := state.New(rdb, nil)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { // it has taken the organization over
		o, _, err := ledger.Organization(t.Context(), org)
		return err == nil && o.Connected && o.FromVault && o.Bridge != nil && !o.Bridge.Looked.IsZero()
	})
	v.Drop() // a restart costs nobody an offer
	v.Insert("OrganizationSponsorship", tds.Row{
		"Id": bornNow("4d36e96e-e325-41ce-bfc1"), "SponsoringOrganizationId": org, "SponsoringOrganizationUserID": member,
		"OfferedToEmail": "Mum@example.com", "FriendlyName": "Mum", "ToDelete": false, "IsAdminInitiated": false,
	})
	jobstest.RequireEnqueued(t, rdb, func(a jobs.Redeem) bool {
		return a.OrganizationUserID == sponsorship.ID(member) && a.SponsoredEmail == "Mum@example.com"
	})
	jobstest.Must(t, s.stop())
	for _, r := range v.Requests() {
		if !strings.HasPrefix(r.Statement, "SELECT ") && !strings.HasPrefix(r.Statement, "SET ") {
			t.Errorf("reading sent %s", r.Statement)
		}
	}
}

// bornNow ends an id as the server ends its own: with the days since 1900 and the
// three-hundredths of a second of the day.
func bornNow(head string) string {
	now := time.Now().UTC()
	midnight := now.Truncate(24 * time.Hour)
	days := midnight.Sub(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour)
	return fmt.Sprintf("%s-%04x%08x", head, int(days), int64(now.Sub(midnight)*300/time.Second))
}
