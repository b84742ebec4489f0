package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config/boot"
)

func initialize(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr buffer
	status = program(nil, strings.NewReader(""), &stdout, &stderr).Run(t.Context(), append([]string{"init"}, args...))
	return status, stdout.String(), stderr.String()
}

func TestInitMakesSecretsOnceAndShowsNone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sponsorsync")
	status, out, errs := initialize(t, "--dir", dir)
	token, err := os.ReadFile(filepath.Join(dir, "secrets", "api_token"))
	if status != boot.Done || err != nil || !strings.Contains(out, filepath.Join(dir, "sponsorsync.env")) {
		t.Fatalf("status %d, %v\n%s%s", status, err, out, errs)
	}
	if strings.Contains(out, strings.TrimSpace(string(token))) {
		t.Error("a secret is shown")
	}
	if status, out, _ = initialize(t, "--dir", dir); status != boot.Done || !strings.Contains(out, "nothing was changed") {
		t.Errorf("the second time: status %d\n%s", status, out)
	}
}

func TestInitForContainersReadsTheServersFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sponsorsync")
	server := filepath.Join(t.TempDir(), "global.override.env")
	if status, _, errs := initialize(t, "--dir", dir, "--containers", "--env-file", server); status != boot.Usage || !strings.Contains(errs, "global.override.env") {
		t.Errorf("without the server's file: status %d\n%s", status, errs)
	}
	if err := os.WriteFile(server, []byte("globalSettings__enableCloudCommunication=true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errs := initialize(t, "--dir", dir, "--containers", "--env-file", server)
	settings, err := os.ReadFile(filepath.Join(dir, "run", "worker", "settings.env"))
	if status != boot.Done || err != nil || !strings.Contains(string(settings), "globalSettings__enableCloudCommunication=true") {
		t.Errorf("status %d, %v\n%s\n%s", status, err, settings, errs)
	}
}

func TestInitSaysWhoCannotWrite(t *testing.T) {
	t.Parallel()
	status, _, errs := initialize(t, "--dir", filepath.Join(t.TempDir(), "no", "such", "place"))
	if status != boot.Failed || !strings.Contains(errs, "install -d -m 700 -o USER") {
		t.Errorf("status %d\n%s", status, errs)
	}
}

func TestInitSharesOutForContainersOrServices(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sponsorsync")
	if status, _, errs := initialize(t, "--dir", dir, "--containers", "--services"); status != boot.Usage || !strings.Contains(errs, "exclude each other") {
		t.Errorf("both: status %d\n%s", status, errs)
	}
	status, _, errs := initialize(t, "--dir", dir, "--services")
	if _, err := os.Stat(filepath.Join(dir, "run", "redis")); status != boot.Done || err == nil {
		t.Errorf("status %d, and a server's folder\n%s", status, errs)
	}
}
