package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestConnectStoresTheTokenAndNeverShowsIt(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	r := b.runWith(token+"\r\n", "connect", "--org", strings.ToUpper(acme), "--cloud-org", cloudAcme, "--license-key", "license-key")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "connected "+acme+" to cloud organization "+cloudAcme)
	requireContains(t, r.err, "next, start the first sync: producer sync --org "+acme)
	requireAbsent(t, r.out+r.err, token, "license-key", "warning")

	want := state.Connection{CloudOrganizationID: cloudAcme, BillingSyncToken: token, LicenseKey: "license-key"}
	if got, err := b.ledger.Connection(t.Context(), acme); err != nil || got != want {
		t.Errorf("stored %+v, %v", got, err)
	}
}

func TestConnectAgainKeepsTheLicenseKey(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	requireStatus(t, b.runWith(token, "connect", "--org", acme, "--cloud-org", cloudAcme, "--license-key", "key"), 0)
	b.start()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("short token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := b.run("connect", "--org", acme, "--cloud-org", cloudAcme, "--token-file", file)
	requireStatus(t, r, 0)
	requireContains(t, r.err, "warning: a billing sync token is 30 letters and digits", "what waits for the cloud is tried now")
	requireAbsent(t, r.out+r.err, "short token")
	if got, err := b.ledger.Connection(t.Context(), acme); err != nil || got.BillingSyncToken != "short token" || got.LicenseKey != "key" {
		t.Errorf("stored %+v, %v", got, err)
	}
}

func TestConnectRefusesWhatIsNoToken(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	r := b.runWith(" \n", "connect", "--org", acme, "--cloud-org", cloudAcme)
	requireStatus(t, r, 2)
	requireContains(t, r.err, "the billing sync token", "blank", "--token-file")
	r = b.runWith(strings.Repeat("t", 9000), "connect", "--org", acme, "--cloud-org", cloudAcme)
	requireStatus(t, r, 2)
	requireContains(t, r.err, "longer than any token")
	r = b.run("connect", "--org", acme, "--cloud-org", cloudAcme, "--token-file", filepath.Join(t.TempDir(), "none"))
	requireStatus(t, r, 2)
	requireContains(t, r.err, "--token-file: open ")
	if _, known, err := b.ledger.Organization(t.Context(), acme); known || err != nil {
		t.Errorf("something was stored: %v, %v", known, err)
	}
}

func TestEnqueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	enqueues := func(args ...string) {
		t.Helper()
		r := b.run(args...)
		requireStatus(t, r, 0)
		id := strings.TrimSuffix(r.out, "\n")
		if _, found, err := b.inspector.Job(t.Context(), id); !found || err != nil {
			t.Errorf("%v: printed %q, which is no job's id: %v", args, r.out, err)
		}
	}
	enqueues("sync", "--org", acme)
	enqueues("sync-license", "--org", acme)
	enqueues("redeem", "--org", acme, "--user", strings.ToUpper(member), "--email", address, "--name", "Family", "--admin-initiated")
	enqueues("change-sponsorship", "--org", acme, "--user", member, "--email", "other@example.com")
	enqueues("change-sponsorship", "--org", acme, "--user", member, "--revoke")
	enqueues("change-sponsorship", "--org", acme, "--user", member, "--resend")

	jobstest.RequireEnqueued[jobs.Sync](t, b.rdb, func(a jobs.Sync) bool { return a.OrganizationID == acme })
	jobstest.RequireEnqueued[jobs.SyncLicense](t, b.rdb, func(a jobs.SyncLicense) bool { return a.OrganizationID == acme })
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.Redeem) bool {
		return a == jobs.Redeem{OrganizationID: acme, OrganizationUserID: member, SponsoredEmail: address, FriendlyName: "Family", AdminInitiated: true}
	})
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.ChangeSponsorship) bool { return a.SponsoredEmail == "other@example.com" && !a.Revoke })
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.ChangeSponsorship) bool { return a.Revoke })
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.ChangeSponsorship) bool { return a.Resend })
}

func TestStatusBeforeTheFirstSync(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	r := b.run("status", "--org", acme)
	requireStatus(t, r, 1)
	requireContains(t, r.err, "organization "+acme+" is not known here", "producer connect")

	requireStatus(t, b.runWith(token, "connect", "--org", acme, "--cloud-org", cloudAcme), 0)
	r = b.run("status", "--org", acme)
	requireStatus(t, r, 0)
	requireContains(t, r.out, "Cloud organization: "+cloudAcme, "Last full sync:     Never", "Last license sync:  Never",
		"Next sync:          after the first one", "Last error:         none", "Sponsorships:       none")
	requireAbsent(t, r.out, token)
}

func TestStatusNamesTheOlderWorkerThatHoldsEverythingBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start()
	requireContains(t, b.run("status", "--org", acme).out, "Sending:            on")
	at, err := b.rdb.Time(t.Context()).Result()
	jobstest.Must(t, err)
	for id, safety := range map[string]int{"old": 1, "new": 2} {
		entry := fmt.Sprintf(`%d {"id":%q,"host":"%s-host","pid":7,"safety":%d}`, at.UnixMilli(), id, id, safety)
		jobstest.Must(t, b.rdb.HSet(t.Context(), state.WorkersKey, id, entry).Err())
	}
	requireContains(t, b.run("status", "--org", acme).out, "Sending:            held back: the worker old-host (pid 7, version unknown)")
}

func TestStatusInTheWordsOfTheGuide(t *testing.T) {
	t.Parallel()
	b := setup(t)
	end := time.Date(2027, 3, 4, 0, 0, 0, 0, time.UTC)
	for i, s := range []sponsorship.Sponsorship{
		{Status: sponsorship.Pending, Intent: sponsorship.IntentRedeem, Email: "waits@example.com", Name: "Family"},
		{Status: sponsorship.Pending, Intent: sponsorship.IntentRevoke},
		{Status: sponsorship.Sent, LastSyncAt: &end},
		{Status: sponsorship.Redeemed, ValidUntil: &end, AdminInitiated: true},
		{Status: sponsorship.Expiring, ValidUntil: &end},
		{Status: sponsorship.Refused, Reason: &sponsorship.Reason{Code: "not_accepted", Message: "left out"}},
	} {
		s.UserID = sponsorship.ID(member[:35] + string(rune('0'+i)))
		b.store(s)
	}
	b.fail(jobstest.Failure{Fault: fault.New(fault.CloudUnavailable, "no answer"), RetryAt: end})

	r := b.run("status", "--org", acme)
	requireStatus(t, r, 0)
	requireContains(t, r.out, "Awaiting sync", "waits@example.com (Family)", "Removed (awaiting sync)", "Sent", "2027-03-04 00:00:00 UTC",
		"Active", "[admin-initiated]", "Expires 2027-03-04", "Refused", "not_accepted: left out", "hint: not_accepted: Check that the cloud",
		"Last error:         cloud_unavailable", "next attempt 2027-03-04", "hint: The job goes on by itself",
		"6: 2 awaiting sync, 1 sent, 1 active, 1 expiring, 1 refused", "not connected: producer connect")
}

func TestStatusSaysHowTheBridgeFares(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	jobstest.Must(t, b.seed().Held(t.Context(), acme, at, state.Hold{Reason: fault.HeldRowVanished, User: member, Since: at}))
	r := b.run("status", "--org", acme)
	requireStatus(t, r, 0)
	requireContains(t, r.out, "Server's vault:     followed; nothing is sent before the first sync, which you start, last looked at 2026-11-24 02:00:00 UTC",
		"Held:               row_vanished, member "+member+", since 2026-11-24 02:00:00 UTC", "hint: A sponsorship that the cloud holds is gone",
		"then: producer bridge resume --org "+acme+" --member "+member)
}

func TestStatusJSONHoldsAllPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const rows = 1001 // one more than a page
	for i := range rows {
		id := sponsorship.AdminKey(member, strconv.Itoa(i))
		b.store(sponsorship.Sponsorship{UserID: id, Status: sponsorship.Sent, Email: address})
	}
	r := b.run("status", "--org", acme, "--json")
	requireStatus(t, r, 0)
	var document struct {
		Organization map[string]any   `json:"organization"`
		Sponsorships []map[string]any `json:"sponsorships"`
	}
	if err := json.Unmarshal([]byte(r.out), &document); err != nil {
		t.Fatalf("not one JSON document: %v", err)
	}
	if at, there := document.Organization["lastSyncAt"]; at != nil || !there {
		t.Errorf("lastSyncAt = %v, %v; want null", at, there)
	}
	if n := len(document.Sponsorships); n != rows {
		t.Errorf("%d sponsorships, want %d", n, rows)
	}
	if got := document.Sponsorships[0]; got["status"] != "sent" || got["sponsoredEmail"] != address || got["intent"] != nil {
		t.Errorf("first sponsorship: %v", got)
	}
}

// What is with one member's sponsorship, or with those of a status, needs no reading of
// thousands of lines.
func TestStatusShowsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const second, third = "33333333-3333-4333-8333-333333333332", "33333333-3333-4333-8333-333333333333"
	b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Sent, Email: address})
	b.store(sponsorship.Sponsorship{UserID: second, Status: sponsorship.Removed, Email: "second@example.com"})
	b.store(sponsorship.Sponsorship{UserID: third, Status: sponsorship.Sent, Email: "third@example.com"})
	for _, c := range []struct {
		args           []string
		want, unwanted []string
	}{
		{[]string{"--status", "sent"}, []string{member, third}, []string{second}},
		{[]string{"--user", second}, []string{second}, []string{member, third}},
		{[]string{"--email", "Second@Example.com"}, []string{second}, []string{member, third}},
		{[]string{"--limit", "1", "--json"}, []string{third}, []string{member, second}}, // by status, then by id
		{[]string{"--user", second, "--status", "sent"}, []string{"Sponsorships:"}, []string{second}},
	} {
		r := b.run(append([]string{"status", "--org", acme}, c.args...)...)
		requireStatus(t, r, 0)
		requireContains(t, r.out, c.want...)
		requireAbsent(t, r.out, c.unwanted...)
	}
	requireStatus(t, b.run("status", "--user", member), 2)
	requireStatus(t, b.run("status", "--org", acme, "--status", "gone"), 2)
}

func TestTheLicenseKeyMayComeFromAFile(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	file := filepath.Join(t.TempDir(), "key")
	jobstest.Must(t, os.WriteFile(file, []byte("\n"), 0o600))
	r := b.runWith(token, "connect", "--org", acme, "--cloud-org", cloudAcme, "--license-key-file", file)
	requireStatus(t, r, 2)
	requireContains(t, r.err, "--license-key-file", "is empty")
	jobstest.Must(t, os.WriteFile(file, []byte("of a file\n"), 0o600))
	requireStatus(t, b.runWith(token, "connect", "--org", acme, "--cloud-org", cloudAcme, "--license-key-file", file), 0)
	if got := jobstest.Value(b.ledger.Connection(t.Context(), acme))(t); got.LicenseKey != "of a file" {
		t.Errorf("saved %q", got.LicenseKey.Reveal())
	}
	requireStatus(t, b.runWith(token, "connect", "--org", acme, "--cloud-org", cloudAcme, "--license-key-file", file, "--license-key", "key"), 2)
}
