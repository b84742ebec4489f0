package license_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

const licensee sponsorship.ID = "77777777-7777-4777-8777-777777777777"

// licenseBundle is one organization between a ledger, a simulated cloud and a disk.
type licenseBundle struct {
	cloud  *cloudtest.Cloud
	remote cloudtest.Organization
	ledger *ledger.Ledger
	store  *license.Store
	dir    string
	params license.Params
}

func setupLicense(t *testing.T) *licenseBundle {
	t.Helper()
	b := &licenseBundle{cloud: cloudtest.New(cloudtest.Options{}), dir: t.TempDir()}
	jobstest.Must(t, b.cloud.Start())
	t.Cleanup(func() { jobstest.Must(t, b.cloud.Close()) })
	installation := b.cloud.AddInstallation()
	b.remote = b.cloud.AddOrganization()
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { jobstest.Must(t, rdb.Close()) })
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(t, err)
	b.ledger = ledger.New(rdb, sealer)
	client, err := cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: b.cloud.URL(), APIURI: b.cloud.URL(),
			InstallationID: installation.ID, InstallationKey: secret.Text(installation.Key), OutagesToOpen: 1000,
		},
		Limiter: unlimited{}, Now: time.Now, Rand: func() float64 { return 0 }, Transport: &http.Transport{},
	})
	jobstest.Must(t, err)
	t.Cleanup(client.Close)
	b.store = license.NewStore(b.dir)
	checker := jobstest.Value(license.NewChecker(license.CheckerParams{InstallationID: sponsorship.ID(installation.ID), Now: time.Now}))(t)
	b.params = license.Params{Ledger: b.ledger, Cloud: client, Verify: checker.Check, Store: b.store}
	b.connect(t, b.remote.LicenseKey)
	return b
}

func (b *licenseBundle) connect(t *testing.T, licenseKey string) {
	t.Helper()
	jobstest.Must(t, b.ledger.Connect(t.Context(), licensee, state.Connection{
		CloudOrganizationID: sponsorship.ID(b.remote.ID), BillingSyncToken: secret.Text(b.remote.BillingSyncKey), LicenseKey: secret.Text(licenseKey),
	}))
}

func (b *licenseBundle) syncer(t *testing.T) *license.Syncer {
	t.Helper()
	s, err := license.New(b.params)
	jobstest.Must(t, err)
	return s
}

// run hands a job to the handler.
func (b *licenseBundle) run(t *testing.T, id string, attempt int) error {
	t.Helper()
	return b.syncer(t).Sync(t.Context(), jobs.Job[jobs.SyncLicense]{
		ID: id, Args: jobs.SyncLicense{OrganizationID: licensee}, Attempt: attempt, MaxAttempts: 30,
	})
}

// published are the license events in the outbox.
func (b *licenseBundle) published(t *testing.T) []events.Event[events.License] {
	t.Helper()
	entries, err := b.ledger.ReadOutbox(t.Context(), state.Shard(licensee), 100, -1)
	jobstest.Must(t, err)
	all := make([]events.Event[events.License], len(entries))
	for i, entry := range entries {
		all[i], err = events.Decode[events.License](entry.Payload)
		jobstest.Must(t, err)
	}
	return all
}

func (b *licenseBundle) organization(t *testing.T) state.Organization {
	t.Helper()
	o, _, err := b.ledger.Organization(t.Context(), licensee)
	jobstest.Must(t, err)
	return o
}

// died demands a dead job, its reason on record and one event that says so.
func (b *licenseBundle) died(t *testing.T, err error, code fault.Code) events.License {
	t.Helper()
	if !jobs.IsPermanent(err) || fault.CodeOf(err) != code {
		t.Fatalf("got %v, want a permanent %s", err, code)
	}
	if o := b.organization(t); o.LastLicenseError == nil || o.LastLicenseError.Code != code {
		t.Errorf("recorded %+v, want %s", o.LastLicenseError, code)
	}
	all := b.published(t)
	if len(all) != 1 || all[0].Type != "sponsorsync.license.failed" || all[0].Data.Error.Code != code || all[0].Data.Error.Hint() == "" {
		t.Fatalf("published %+v, want one license.failed with %s", all, code)
	}
	return all[0].Data
}

// waits demands a job that is to be tried again, and nothing on record.
func (b *licenseBundle) waits(t *testing.T, err error) {
	t.Helper()
	if err == nil || jobs.IsPermanent(err) {
		t.Fatalf("got %v, want an error that is tried again", err)
	}
	if o := b.organization(t); o.LastLicenseError != nil || len(b.published(t)) != 0 {
		t.Errorf("a retry is on record: %+v, %+v", o.LastLicenseError, b.published(t))
	}
}

func TestLicenseSync(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	jobstest.Must(t, b.run(t, "job-1", 1))
	raw, err := os.ReadFile(filepath.Join(b.dir, "organization", string(licensee)+".json"))
	jobstest.Must(t, err)
	var file struct {
		ID string `json:"Id"`
	}
	jobstest.Must(t, json.Unmarshal(raw, &file))
	if file.ID != b.remote.ID {
		t.Errorf("the file is for %q, want the cloud organization %q", file.ID, b.remote.ID)
	}
	all := b.published(t)
	if len(all) != 1 || all[0].Type != "sponsorsync.license.synced" || *all[0].Data.Version != 15 || all[0].Data.Expires == nil || all[0].Data.Error != nil {
		t.Fatalf("published %+v, want one license.synced of version 15", all)
	}
	if o := b.organization(t); o.LastLicenseSyncAt == nil || o.LastLicenseError != nil {
		t.Errorf("recorded %v, %v", o.LastLicenseSyncAt, o.LastLicenseError)
	}
}

func TestLicenseSyncTwiceForOneJobIsOnce(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	jobstest.Must(t, b.run(t, "job-1", 1))
	asked := len(b.cloud.Requests())
	jobstest.Must(t, b.run(t, "job-1", 1))
	if n := len(b.cloud.Requests()); n != asked || len(b.published(t)) != 1 {
		t.Errorf("the second delivery made %d requests; published %+v", n-asked, b.published(t))
	}
	jobstest.Must(t, b.run(t, "job-2", 1))
	if all := b.published(t); len(all) != 2 || all[0].ID == all[1].ID {
		t.Errorf("published %+v, want one event per job", all)
	}
}

func TestLicenseSyncFailsForGood(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		code  fault.Code
		spoil func(*testing.T, *licenseBundle)
	}{
		{"switched off", fault.CloudCommunicationDisabled, func(_ *testing.T, b *licenseBundle) { b.params.Cloud = cloud.Disabled{} }},
		{"wrong key", fault.LicenseKeyInvalid, func(t *testing.T, b *licenseBundle) { b.connect(t, "wrong") }},
		{"rotated token", fault.BillingSyncTokenInvalid, func(_ *testing.T, b *licenseBundle) { b.cloud.RotateKey(b.remote.ID) }},
		{"new version", fault.UnsupportedVersion, func(_ *testing.T, b *licenseBundle) { b.cloud.SetLicenseMode(cloudtest.LicenseMode{Version: 17}) }},
		{"disabled", fault.LicenseRejected, func(_ *testing.T, b *licenseBundle) {
			b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.Enabled = false })
		}},
		{"no subscription", fault.SubscriptionInactive, func(_ *testing.T, b *licenseBundle) {
			b.cloud.UpdateOrganization(b.remote.ID, func(o *cloudtest.Organization) { o.Subscription = cloudtest.SubscriptionCanceled })
		}},
		{"no disk", fault.LicenseRejected, func(t *testing.T, b *licenseBundle) {
			jobstest.Must(t, os.WriteFile(filepath.Join(b.dir, "organization"), nil, 0o600))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setupLicense(t)
			tt.spoil(t, b)
			err := b.run(t, "job-1", 1)
			data := b.died(t, err, tt.code)
			if tt.code == fault.UnsupportedVersion && (data.Version == nil || *data.Version != 17) {
				t.Errorf("version %v, want 17", data.Version)
			}
			for _, secret := range []string{b.remote.LicenseKey, b.remote.BillingSyncKey} {
				if strings.Contains(err.Error(), secret) || strings.Contains(data.Error.Message, secret) {
					t.Errorf("a secret is in %q or %q", err, data.Error.Message)
				}
			}
			if _, err := os.Stat(b.store.Path(licensee)); err == nil {
				t.Error("a refused license was written")
			}
			b.died(t, b.run(t, "job-1", 1), tt.code) // delivered again: still one event
		})
	}
}

func TestLicenseSyncNeedsConnectionAndKey(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	other := jobs.Job[jobs.SyncLicense]{ID: "job-1", Args: jobs.SyncLicense{OrganizationID: "88888888-8888-4888-8888-888888888888"}, Attempt: 1, MaxAttempts: 30}
	if err := b.syncer(t).Sync(t.Context(), other); !jobs.IsPermanent(err) || fault.CodeOf(err) != fault.ConnectionMissing {
		t.Errorf("got %v, want connection_missing", err)
	}
	jobstest.Must(t, b.ledger.Connect(t.Context(), other.Args.OrganizationID, state.Connection{
		CloudOrganizationID: sponsorship.ID(b.remote.ID), BillingSyncToken: "token",
	}))
	if err := b.syncer(t).Sync(t.Context(), other); !jobs.IsPermanent(err) || fault.CodeOf(err) != fault.LicenseKeyInvalid {
		t.Errorf("got %v, want license_key_invalid", err)
	}
	if n := len(b.cloud.Requests()); n != 0 {
		t.Errorf("%d requests were made without a license key", n)
	}
}

func TestLicenseSyncWaitsOutAnOutage(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	b.cloud.Inject(cloudtest.Unavailable().On(cloudtest.PathLicense))
	b.waits(t, b.run(t, "job-1", 1))
	b.cloud.Inject(cloudtest.RateLimitedFor(77).On(cloudtest.PathLicense))
	err := b.run(t, "job-1", 2)
	b.waits(t, err)
	if delay, asked := jobs.Delay(err); !asked || delay != 77*time.Second {
		t.Errorf("delay %v, %v; want the cloud's 77 s", delay, asked)
	}
	jobstest.Must(t, b.run(t, "job-1", 3))
	if all := b.published(t); len(all) != 1 || all[0].Type != "sponsorsync.license.synced" {
		t.Errorf("published %+v", all)
	}
}

func TestLicenseSyncGivesUpAtTheLastAttempt(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	b.cloud.Inject(cloudtest.Unavailable().On(cloudtest.PathLicense).Times(2))
	b.waits(t, b.run(t, "job-1", 29))
	b.died(t, b.run(t, "job-1", 30), fault.CloudUnavailable)
	// Somebody runs the dead job again: what comes of it is news.
	jobstest.Must(t, b.run(t, "job-1", 30))
	if all := b.published(t); len(all) != 2 || all[1].Type != "sponsorsync.license.synced" {
		t.Errorf("published %+v", all)
	}
	if o := b.organization(t); o.LastLicenseError != nil || o.LastLicenseSyncAt == nil {
		t.Errorf("recorded %+v after a success", o.LastLicenseError)
	}
}

func TestLicenseSyncThatIsInterruptedIsNoFailure(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.params.Cloud = canceling(cancel)
	err := b.syncer(t).Sync(ctx, jobs.Job[jobs.SyncLicense]{ID: "job-1", Args: jobs.SyncLicense{OrganizationID: licensee}, Attempt: 30, MaxAttempts: 30})
	b.waits(t, err)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

// canceling is a cloud whose caller is stopped while it waits.
type canceling context.CancelFunc

func (canceling) Allowed() error                                { return nil }
func (canceling) LicenseTurn(context.Context, cloud.Lane) error { return nil }

func (c canceling) License(ctx context.Context, _ cloud.LicenseRequest) (json.RawMessage, error) {
	c()
	return nil, ctx.Err()
}

// Syncs that end at once each get a number, and an event, of their own.
func TestLicenseSyncsAtOnceAreNumberedApart(t *testing.T) {
	t.Parallel()
	b := setupLicense(t)
	var running sync.WaitGroup
	for _, id := range []string{"a", "b", "c", "d"} {
		running.Go(func() {
			if err := b.run(t, id, 1); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	ids := map[string]bool{}
	for _, e := range b.published(t) {
		ids[e.ID] = true
	}
	if len(ids) != 4 {
		t.Errorf("%d different events, want 4", len(ids))
	}
}
