package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// What a member clicks in the web vault is a job soon after, with the server's own
// settings and nothing typed here. Not parallel: serve sets the logger of go-redis.
func TestServeFollowsTheServersVault(t *testing.T) {
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { _ = stack.Close() })
	v := vaulttest.New(t, vaulttest.SQLite, vaulttest.Setup{})
	org := jobstest.Value(v.Found(t.Context(), vaulttest.Organization{Name: "Acme", LicenseKey: "KEY"}))(t)
	jobstest.Must(t, v.SaveToken(t.Context(), org, "abcdefghijABCDEFGHIJ0123456789", "22222222-2222-4222-8222-222222222222"))
	member, _, err := v.Join(t.Context(), org, vaulttest.Person{Name: "Mia", Email: "mia@acme.example", Role: vaulttest.Member})
	jobstest.Must(t, err)

	s := startServe(t, stack.RedisURL(), stack.NATSURL(), "SPONSORSYNC_BRIDGE=read", "SPONSORSYNC_BRIDGE_INTERVAL=100ms",
		"globalSettings__databaseProvider="+v.Provider(), "globalSettings__sqlite__connectionString="+v.ConnectionString())
	rdb := jobstest.Value(enqueue.NewRedis(stack.RedisURL()))(t)
	t.Cleanup(func() { _ = rdb.Close() })
	ledger := state.New(rdb, nil)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { // it has taken the organization over
		o, _, err := ledger.Organization(t.Context(), sponsorship.ID(org))
		return err == nil && o.Connected && o.FromVault && o.Bridge != nil && !o.Bridge.Looked.IsZero()
	})
	jobstest.Must(t, v.Offer(t.Context(), vaulttest.ByWebVault(member, "mum@example.com")))
	jobstest.RequireEnqueued(t, rdb, func(a jobs.Redeem) bool {
		return string(a.OrganizationUserID) == member && a.SponsoredEmail == "mum@example.com"
	})
	s.requireStatus(t, "/metrics", http.StatusOK)
	jobstest.Must(t, s.stop())
	if o, _, err := ledger.Organization(t.Context(), sponsorship.ID(org)); err != nil || o.Bridge.Running {
		t.Errorf("the bridge runs still: %+v, %v", o.Bridge, err)
	}
	if log := s.log.String(); strings.Contains(log, "mum@example.com") || strings.Contains(log, "abcdefghij") {
		t.Error("the log holds an address or a token")
	}
}
