package setup_test

import (
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/setup"
)

const (
	installationKey = "the-installation-key"
	databaseString  = "Server=mssql;Database=vault;User Id=sa;Password=p'a$$#1"
)

func serverEnvironment(t *testing.T, more ...string) config.Environ {
	t.Helper()
	return jobstest.Value(config.Read(append(more,
		"globalSettings__enableCloudCommunication=true", "globalSettings__installation__id=01234567-89ab-cdef-0123-456789abcdef",
		"globalSettings__installation__key="+installationKey, "globalSettings__sqlServer__connectionString="+databaseString,
		"SPONSORSYNC_BRIDGE=read"), nil))(t)
}

// laidOut is a folder after init.
func laidOut(t *testing.T, environ config.Environ) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "sponsorsync")
	jobstest.Value(setup.Write(dir, rand.Reader))(t)
	jobstest.Must(t, setup.Containers(dir, environ))
	return dir
}

func content(t *testing.T, path ...string) string {
	t.Helper()
	return string(jobstest.Value(os.ReadFile(filepath.Join(path...)))(t))
}

func TestEachContainerStartsFromItsFileAndHoldsNothingElse(t *testing.T) {
	t.Parallel()
	dir := laidOut(t, serverEnvironment(t))
	load := func(name string) config.Environ {
		return jobstest.Value(config.Read(nil, []string{filepath.Join(dir, "run", name, "settings.env")}))(t)
	}
	worker := jobstest.Value(config.LoadWorker(load("worker")))(t)
	serve := jobstest.Value(config.LoadServer(load("producer")))(t)
	bridge := jobstest.Value(config.LoadBridge(load("bridge")))(t)
	if worker.Cloud.InstallationKey.Reveal() != installationKey || !worker.Cloud.Enabled || serve.Bridge.Mode != config.BridgeOff || bridge.Database.Host != "mssql" {
		t.Errorf("got %+v, %+v, %+v", worker.Cloud, serve.Bridge, bridge)
	}
	if bridge.Database.Password.Reveal() != "p'a$$#1" {
		t.Error("the bridge has another password than the server")
	}
	for name, foreign := range map[string][]string{
		"worker":   {"p'a$$", "SPONSORSYNC_API_TOKEN", "nats://producer"},
		"producer": {"p'a$$", installationKey, "nats://worker"},
		"bridge":   {installationKey, "SPONSORSYNC_API_TOKEN", "NATS_URL"},
		"redis":    {installationKey, "encryption"},
	} {
		for _, text := range foreign {
			file := map[bool]string{true: name + ".conf", false: "settings.env"}[name == "redis"]
			if strings.Contains(content(t, dir, "run", name, file), text) {
				t.Errorf("%s holds %s", name, text)
			}
		}
	}
}

func TestWhatIsThereStaysAndWhatIsDeletedIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := laidOut(t, serverEnvironment(t))
	token, key := content(t, dir, "secrets", "api_token"), content(t, dir, "secrets", "encryption_key")
	jobstest.Must(t, os.WriteFile(filepath.Join(dir, setup.SettingsFile), []byte("SPONSORSYNC_BATCH_SIZE=7\n"), 0o600))
	jobstest.Must(t, os.Remove(filepath.Join(dir, "secrets", "api_token")))
	made := jobstest.Value(setup.Write(dir, rand.Reader))(t)
	if len(made) != 1 || filepath.Base(made[0]) != "api_token" {
		t.Errorf("made %q", made)
	}
	if content(t, dir, "secrets", "encryption_key") != key || content(t, dir, "secrets", "api_token") == token ||
		content(t, dir, setup.SettingsFile) != "SPONSORSYNC_BATCH_SIZE=7\n" {
		t.Error("something else than the deleted secret has changed")
	}
	jobstest.Must(t, setup.Containers(dir, serverEnvironment(t)))
	if fresh := strings.TrimSpace(content(t, dir, "secrets", "api_token")); !strings.Contains(content(t, dir, "run", "producer", "settings.env"), fresh) {
		t.Error("the producer's container does not get the new token")
	}
}

func TestWhatTheAdminSetsGoesFirst(t *testing.T) {
	t.Parallel()
	dir := laidOut(t, serverEnvironment(t, "REDIS_URL=rediss://:mine@redis.example.com/2"))
	if text := content(t, dir, "run", "worker", "settings.env"); !strings.Contains(text, "REDIS_URL=rediss://:mine@redis.example.com/2\n") {
		t.Errorf("got\n%s", text)
	}
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	t.Parallel()
	dir := laidOut(t, serverEnvironment(t))
	jobstest.Must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := entry.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return nil
	}))
}

func TestAnEmptySecretIsNoSecret(t *testing.T) {
	t.Parallel()
	dir := laidOut(t, serverEnvironment(t))
	jobstest.Must(t, os.WriteFile(filepath.Join(dir, "secrets", "encryption_key"), []byte("\n"), 0o600))
	if _, err := setup.Write(dir, rand.Reader); err == nil || !strings.Contains(err.Error(), "encryption_key is empty") {
		t.Errorf("got %v", err)
	}
}

func TestServicesGetTheSameAndUseTheServersOfTheMachine(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sponsorsync")
	jobstest.Value(setup.Write(dir, rand.Reader))(t)
	jobstest.Must(t, setup.Services(dir, serverEnvironment(t, "NATS_URL=nats://nats.example.com")))
	worker := jobstest.Value(config.LoadWorker(jobstest.Value(config.Read(nil, []string{filepath.Join(dir, "run", "worker", "settings.env")}))(t)))(t)
	if worker.Redis.URL.Reveal() != "redis://127.0.0.1:6379/0" || worker.Cloud.InstallationKey.Reveal() != installationKey {
		t.Errorf("got %+v", worker)
	}
	if text := content(t, dir, "run", "producer", "settings.env"); strings.Contains(text, installationKey) || !strings.Contains(text, "NATS_URL=nats://nats.example.com\n") {
		t.Errorf("the producer gets\n%s", text)
	}
	if entries := jobstest.Value(os.ReadDir(filepath.Join(dir, "run")))(t); len(entries) != 3 {
		t.Errorf("got %v, want a folder for each program and no server", entries)
	}
}
