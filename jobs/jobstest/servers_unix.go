//go:build linux || darwin

package jobstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
)

// RealRedis runs redis-server with an append-only file, as a production store
// should, until the test ends. It leaves fsync to the system: that is for power
// cuts, and while one is under way ("everysec") Redis puts its own writes off for
// up to two seconds, so that Kill would lose what was acknowledged.
//
// The program is REDIS_SERVER_BIN, or what scripts/redis.sh has built, or the
// system's own, whatever its version.
func RealRedis(t testing.TB) *Process {
	t.Helper()
	path, err := redisServer()
	if err != nil {
		t.Fatalf("this test needs redis-server (set REDIS_SERVER_BIN, or run scripts/redis.sh, which builds one): %v", err)
	}
	dir := t.TempDir()
	p := &Process{}
	p.command = func(port int) *exec.Cmd {
		return exec.Command(path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir,
			"--appendonly", "yes", "--appendfsync", "no", "--save", "", "--maxmemory-policy", "noeviction")
	}
	p.answers = func() bool { return pings(p.port) }
	return launch(t, p, func(port int) string { return fmt.Sprintf("redis://127.0.0.1:%d/0", port) })
}

// ConfiguredRedis runs redis-server with other settings, in a folder of its own, until the test
// ends: a master or replica, a Sentinel, a node of a Cluster. It returns when the
// server accepts connections: whom it lets in is for the test to know.
func ConfiguredRedis(t testing.TB, settings func(port int, dir string) []string) *Process {
	t.Helper()
	path, err := redisServer()
	if err != nil {
		t.Fatalf("this test needs redis-server (set REDIS_SERVER_BIN, or run scripts/redis.sh, which builds one): %v", err)
	}
	return configuredRedis(t, path, settings)
}

// TLSRedis runs a redis-server that speaks TLS only, and demands a certificate of the
// same authority. It is the system's own: the one that scripts/redis.sh builds has no TLS.
func TLSRedis(t testing.TB, c Certificates) *Process {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("this test needs the distribution's redis-server, which is built with TLS: %v", err)
	}
	return configuredRedis(t, path, func(port int, _ string) []string {
		return []string{
			"--port", "0", "--tls-port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "",
			"--tls-ca-cert-file", c.CA, "--tls-cert-file", c.Cert, "--tls-key-file", c.Key, "--tls-auth-clients", "yes",
		}
	})
}

func configuredRedis(t testing.TB, path string, settings func(port int, dir string) []string) *Process {
	t.Helper()
	dir := t.TempDir()
	p := &Process{}
	p.command = func(port int) *exec.Cmd {
		command := exec.Command(path, settings(port, dir)...)
		command.Dir = dir
		return command
	}
	p.answers = func() bool { return dials(p.port) }
	return launch(t, p, func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) })
}

func redisServer() (string, error) {
	if path := os.Getenv("REDIS_SERVER_BIN"); path != "" {
		return exec.LookPath(path)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	built := filepath.Join(cache, "sponsorsync-test", "redis-server")
	if _, err := os.Stat(built); err == nil {
		return built, nil
	}
	return exec.LookPath("redis-server")
}

// pings is false while the server still loads its file.
func pings(port int) bool {
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port), MaxRetries: -1, DialTimeout: time.Second})
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return client.Ping(ctx).Err() == nil
}

// RealNATS runs nats-server with JetStream until the test ends. The program is
// NATS_SERVER_BIN, or is built once from this module's own version and kept in
// the user's cache directory.
func RealNATS(t testing.TB) *Process {
	t.Helper()
	path, err := natsServer()
	if err != nil {
		t.Fatalf("this test needs nats-server (set NATS_SERVER_BIN, or let it be built): %v", err)
	}
	dir := t.TempDir()
	p := &Process{}
	p.command = func(port int) *exec.Cmd {
		return exec.Command(path, "-a", "127.0.0.1", "-p", strconv.Itoa(port), "-js", "-sd", dir)
	}
	p.answers = func() bool { return dials(p.port) && jetStreamAnswers(p.URL) }
	return launch(t, p, func(port int) string { return fmt.Sprintf("nats://127.0.0.1:%d", port) })
}

// ConfiguredNATS is [RealNATS] with the text of a configuration file of nats-server,
// such as its users and their permissions. It returns when the server accepts
// connections: whom it lets in is for the test to know.
func ConfiguredNATS(t testing.TB, config string) *Process {
	t.Helper()
	return configuredNATS(t, config, "-js")
}

// LeafNATS is the same without a JetStream of its own.
func LeafNATS(t testing.TB, config string) *Process {
	t.Helper()
	return configuredNATS(t, config)
}

func configuredNATS(t testing.TB, config string, more ...string) *Process {
	t.Helper()
	path, err := natsServer()
	if err != nil {
		t.Fatalf("this test needs nats-server (set NATS_SERVER_BIN, or let it be built): %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &Process{}
	p.command = func(port int) *exec.Cmd {
		return exec.Command(path, append([]string{"-a", "127.0.0.1", "-p", strconv.Itoa(port), "-sd", dir, "-c", file}, more...)...)
	}
	p.answers = func() bool { return dials(p.port) }
	return launch(t, p, func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) })
}

func jetStreamAnswers(url string) bool {
	nc, err := nats.Connect(url, nats.Timeout(time.Second), nats.NoReconnect())
	if err != nil {
		return false
	}
	defer nc.Close()
	_, err = nc.Request("$JS.API.INFO", nil, time.Second)
	return err == nil
}

// natsServer returns the path of the program. Parallel test binaries may build it
// at the same time: each builds its own and renames it into place.
func natsServer() (string, error) {
	if path := os.Getenv("NATS_SERVER_BIN"); path != "" {
		return exec.LookPath(path)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "sponsorsync-test", "nats-server-"+server.VERSION+"-"+runtime.Version())
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, buildNATS(path)
}

func buildNATS(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(dir, "build-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	built := filepath.Join(temp, "nats-server")
	output, err := exec.Command("go", "build", "-o", built, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("build nats-server: %w", err), errors.New(string(output)))
	}
	return os.Rename(built, path)
}
