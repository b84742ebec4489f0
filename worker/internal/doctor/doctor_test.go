package doctor_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/doctor"
)

func TestEverythingIsWell(t *testing.T) {
	t.Parallel()
	b := setup(t)
	checks := b.run()
	for _, c := range checks {
		if c.Status != doctor.OK && c.Name != "cloud region" { // a loopback host has no region
			t.Errorf("%s is %s: %s", c.Name, c.Status, c.Detail)
		}
	}
	onlyFails(t, checks)
	var names []string
	for _, c := range checks {
		names = append(names, c.Name)
	}
	want := []string{
		"settings", "cloud communication", "cloud region", "push relay", "identity name", "identity connection", "identity TLS",
		"api name", "api connection", "api TLS", "installation token", "clock", "redis", "redis version", "redis persistence", "redis durability",
		"redis eviction", "redis role", "redis rights", "nats", "jetstream", "event stream", "encryption key", "license directory", "license certificate", "timeouts", "outbox", "dead jobs", "workers",
		"scheduler", "sending", "queues", "memory",
		"connection " + string(org),
	}
	if !slices.Equal(names, want) {
		t.Errorf("checks %q, want %q", names, want)
	}
	if n := len(b.cloud.TokenRequests()); n != 1 || len(b.cloud.SyncRequests()) != 0 {
		t.Errorf("%d token requests and %d syncs, want one and none", n, len(b.cloud.SyncRequests()))
	}
}

func TestMainPrintsTextOrOneDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["SPONSORSYNC_CLUOD_RATE"] = "1"
	b.file = "HTTPS_PROXY=http://127.0.0.1:1"
	var text, document bytes.Buffer
	ok, err := doctor.Main(t.Context(), b.environ(), false, &text)
	jobstest.Must(t, err)
	for _, part := range []string{"warn  unknown settings", "SPONSORSYNC_CLUOD_RATE", "warn  unheeded settings", "HTTPS_PROXY"} {
		if !ok || !strings.Contains(text.String(), part) {
			t.Errorf("ok %v, without %q:\n%s", ok, part, &text)
		}
	}
	b.env["globalSettings__installation__key"] = "wrong"
	ok, err = doctor.Main(t.Context(), b.environ(), true, &document)
	jobstest.Must(t, err)
	report := decode(t, document.Bytes())
	if ok || report.OK || find(t, report.Checks, "installation token").Status != doctor.Fail {
		t.Errorf("ok %v:\n%s", ok, &document)
	}
}

// With half of the settings unusable, the rest is still checked.
func TestMainGoesOnWithFaultySettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["SPONSORSYNC_ENCRYPTION_KEY"] = "c2hvcnQ="
	b.env["REDIS_URL"] = "http://:" + redisPassword + "@nowhere"
	b.env["globalSettings__installation__identityUri"] = "ftp://x"
	var out bytes.Buffer
	ok, err := doctor.Main(t.Context(), b.environ(), true, &out)
	jobstest.Must(t, err)
	b.requireNoSecret(out.String())
	checks := decode(t, out.Bytes()).Checks
	if ok {
		t.Error("it passed")
	}
	onlyFails(t, checks, "setting REDIS_URL", "setting SPONSORSYNC_ENCRYPTION_KEY", "setting globalSettings__installation__identityUri")
	for _, name := range []string{"redis", "redis version", "connections", "encryption key", "identity name", "installation token"} {
		expect(t, find(t, checks, name), doctor.Warn, "not checked: ")
	}
	for _, name := range []string{"api TLS", "clock", "nats", "event stream", "license directory"} {
		expect(t, find(t, checks, name), doctor.OK)
	}
}

func TestCloudCommunicationDisabled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["globalSettings__enableCloudCommunication"] = "false"
	checks := b.run()
	onlyFails(t, checks, "cloud communication")
	expect(t, find(t, checks, "cloud communication"), doctor.Fail, "cloud communication is disabled", "globalSettings__enableCloudCommunication=true")
	for _, name := range []string{"identity name", "api TLS", "installation token", "clock"} {
		expect(t, find(t, checks, name), doctor.Warn, "not checked: cloud communication is disabled")
	}
	if n := len(b.cloud.Requests()); n != 0 {
		t.Errorf("the cloud was called %d times", n)
	}
}

func TestLicenseDirectoryIsNotWritable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	file := filepath.Join(t.TempDir(), "file")
	jobstest.Must(t, os.WriteFile(file, nil, 0o600))
	b.env["SPONSORSYNC_LICENSE_DIR"] = file // nothing can be below a file, whoever asks
	b.env["SPONSORSYNC_LICENSE_CERT_FILE"] = file
	checks := b.run()
	onlyFails(t, checks, "license directory", "license certificate")
	expect(t, find(t, checks, "license directory"), doctor.Fail, "SPONSORSYNC_LICENSE_DIR")
}

func TestLicenseDirectoryIsCreatedLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.env["SPONSORSYNC_LICENSE_DIR"]
	b.env["SPONSORSYNC_LICENSE_DIR"] = filepath.Join(parent, "later")
	expect(t, find(t, b.run(), "license directory"), doctor.OK, "later does not exist yet and can be created below "+parent)
	if entries, err := os.ReadDir(parent); err != nil || len(entries) != 0 {
		t.Errorf("the check left %v behind (%v)", entries, err)
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	failure := func(code fault.Code) *state.Failure {
		return &state.Failure{Error: fault.Error{Code: code, Message: "what came back"}, At: at}
	}
	unread := fault.New(fault.ConnectionMissing, "sealed with another key")
	tests := []struct {
		name       string
		set        state.Organization
		unreadable error
		status     doctor.Status
		says       []string
	}{
		{"well", state.Organization{Connected: true, LastSyncAt: &at, NextSyncAt: &at}, nil, doctor.OK, []string{"last sync 2026-11-22T12:00:00Z"}},
		{"never", state.Organization{Connected: true}, nil, doctor.Warn, []string{"last sync Never", "producer sync --org " + string(org)}},
		{"no token", state.Organization{LastSyncAt: &at}, unread, doctor.Warn, []string{"no billing sync token", "producer connect"}},
		{"other key", state.Organization{Connected: true, LastSyncAt: &at}, unread, doctor.Fail, []string{"sealed with another key", "SPONSORSYNC_ENCRYPTION_KEY"}},
		{"wrong token", state.Organization{Connected: true, LastError: failure(fault.BillingSyncTokenInvalid)}, nil, doctor.Fail,
			[]string{"last sync Never", "last error at 2026-11-22T12:00:00Z: billing_sync_token_invalid: what came back", "generate the token", "producer connect"}},
		{"outage", state.Organization{Connected: true, LastSyncAt: &at, LastError: failure(fault.CloudUnavailable)}, nil, doctor.Warn, []string{"cloud_unavailable"}},
		{"license", state.Organization{Connected: true, LastSyncAt: &at, LastLicenseError: failure(fault.UnsupportedVersion)}, nil, doctor.Warn,
			[]string{"last license sync failed", "Update the self-hosted server"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.set.ID = org
			expect(t, doctor.CheckConnection(tt.set, tt.unreadable), tt.status, tt.says...)
		})
	}
}

func TestConnectionsAreReadFromTheLedger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.ledger.Connect(t.Context(), "22222222-2222-4222-8222-222222222222", state.Connection{CloudOrganizationID: org, BillingSyncToken: billingToken}))
	checks := b.run()
	expect(t, find(t, checks, "connection "+string(org)), doctor.OK, "last sync 20", "next 20")
	expect(t, find(t, checks, "connection 22222222-2222-4222-8222-222222222222"), doctor.Warn, "last sync Never")

	b.env["SPONSORSYNC_ENCRYPTION_KEY"] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	expect(t, find(t, b.run(), "connection "+string(org)), doctor.Fail, "sealed with key")

	b.store.FlushAll()
	expect(t, find(t, b.run(), "connections"), doctor.Warn, "none yet", "producer connect")
}

func TestTimeoutsThatWouldMeetADouble(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env["SPONSORSYNC_CLOUD_GRACE"] = "30s"
	expect(t, find(t, b.run(), "timeouts"), doctor.Warn, "30s after a request got no answer", "SPONSORSYNC_CLOUD_GRACE")
	b.env["SPONSORSYNC_CLOUD_GRACE"] = "1m"
	expect(t, find(t, b.run(), "timeouts"), doctor.OK, "1m0s to come to an end")
	b.env["SPONSORSYNC_SHUTDOWN_TIMEOUT"] = "99s"
	expect(t, find(t, b.run(), "timeouts"), doctor.Warn, "stops after 1m39s", "SPONSORSYNC_SHUTDOWN_TIMEOUT")
}
