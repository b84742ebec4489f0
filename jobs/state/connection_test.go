package state_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "the-token", LicenseKey: "the-key"}
	jobstest.Must(t, b.Connect(t.Context(), org, want))
	got, err := b.Connection(t.Context(), org)
	jobstest.Must(t, err)
	if got != want {
		t.Fatalf("got %+v", got)
	}
	if dump := b.server.Dump(); strings.Contains(dump, "the-token") || strings.Contains(dump, "the-key") {
		t.Fatal("a secret is stored in clear")
	}
	if printed := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(printed, "the-") {
		t.Errorf("printed as %s", printed)
	}
	jobstest.Must(t, b.Connect(t.Context(), org, state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "new"}))
	if got, _ = b.Connection(t.Context(), org); got.BillingSyncToken != "new" || got.LicenseKey != "the-key" {
		t.Fatalf("after saving a new token alone: %+v", got)
	}
	if _, err := b.Connection(t.Context(), user(5)); fault.CodeOf(err) != fault.ConnectionMissing {
		t.Fatalf("err = %v, want connection_missing", err)
	}
}

func TestSavingAConnectionEndsAPause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.seed.Start(t.Context(), org))
	jobstest.Must(t, b.seed.Fail(t.Context(), org, jobstest.Failure{
		Fault: fault.New(fault.BillingSyncTokenInvalid, "why"), At: t0, RetryAt: t0.Add(time.Hour), Paused: true,
	}))
	before, known, err := b.Organization(t.Context(), org)
	jobstest.Must(t, err)
	if !known || before.Connected || before.Paused != fault.BillingSyncTokenInvalid || before.Failures != 1 || !before.LastError.At.Equal(t0) {
		t.Fatalf("before: %+v", before)
	}
	jobstest.Must(t, b.Connect(t.Context(), org, state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "new"}))
	after, _, err := b.Organization(t.Context(), org)
	jobstest.Must(t, err)
	if !after.Connected || after.CloudOrganizationID != user(9) || after.Paused != "" || after.RetryAt != nil || after.Failures != 0 {
		t.Errorf("after: %+v", after)
	}
}

// What an earlier release sealed and stored opens still.
func TestStoredSecretsOpenForever(t *testing.T) {
	t.Parallel()
	const acme sponsorship.ID = "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	b := setup(t)
	sealer, err := state.NewSealer([]byte("0123456789abcdef0123456789abcdef"))
	jobstest.Must(t, err)
	b.server.HSet(fmt.Sprintf("sponsorsync:{%02d}:org:%s", state.Shard(acme), acme), "cloudOrganizationId", string(user(9)),
		"token", "3eb1bd43.VCILJMseSB+Pi0Rl92G+Fd/iSyrnN1/bwLoWta+Ka+Q6oWzkew",
		"licenseKey", "3eb1bd43.VW1pebRJFD0UttMrRpstOI4w9KM3BT0lgcDjVqyCydfUE2o")
	got, err := state.New(b.rdb, sealer).Connection(t.Context(), acme)
	jobstest.Must(t, err)
	if got.BillingSyncToken != "the-token" || got.LicenseKey != "the-key" {
		t.Errorf("got %q and %q", got.BillingSyncToken.Reveal(), got.LicenseKey.Reveal())
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	oldKey, newKey := make([]byte, 32), append(make([]byte, 31), 1)
	before, err := state.NewSealer(oldKey)
	jobstest.Must(t, err)
	sealed := before.Seal("secret", "here")
	both, err := state.NewSealer(newKey, oldKey)
	jobstest.Must(t, err)
	if got, err := both.Open(sealed, "here"); err != nil || got != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := both.Open(sealed, "there"); err == nil {
		t.Error("a sealed text opens in another place")
	}
	for _, damaged := range []string{sealed[:9], sealed[:12], sealed[:len(sealed)-2], sealed + "!"} {
		if _, err := both.Open(damaged, "here"); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%q: %v, want it called damaged", damaged, err)
		}
	}
	after, err := state.NewSealer(newKey)
	jobstest.Must(t, err)
	if _, err := after.Open(sealed, "here"); err == nil || strings.Contains(err.Error(), "secret"+"\"") {
		t.Errorf("err = %v, want one that names the missing key", err)
	}
	if _, err := state.NewSealer([]byte("short")); err == nil {
		t.Error("a short key is taken")
	}
}
