//go:build linux || darwin

package boot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

func TestRedisWithAnAuthorityOfItsOwnThatDemandsCertificates(t *testing.T) {
	t.Parallel()
	own, strange := jobstest.NewCertificates(t), jobstest.NewCertificates(t)
	server := jobstest.TLSRedis(t, own)
	url := secret.Address("rediss://" + server.URL)
	tests := map[string]struct {
		cfg  config.Redis
		says string // of why not, or "!" where the system words it; "" is yes
	}{
		"all":            {config.Redis{URL: url, CAFile: own.CA, CertFile: own.Cert, KeyFile: own.Key}, ""},
		"no certificate": {config.Redis{URL: url, CAFile: own.CA}, "!"},
		"no authority":   {config.Redis{URL: url, CertFile: own.Cert, KeyFile: own.Key}, "unknown authority"},
		"another one":    {config.Redis{URL: url, CAFile: strange.CA, CertFile: own.Cert, KeyFile: own.Key}, "unknown authority"},
		"another's":      {config.Redis{URL: url, CAFile: own.CA, CertFile: strange.Cert, KeyFile: strange.Key}, "!"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := jobstest.Value(boot.Redis(tt.cfg))(t)
			t.Cleanup(func() { jobstest.Must(t, rdb.Close()) })
			err := rdb.Ping(t.Context()).Err()
			if (err == nil) != (tt.says == "") || tt.says != "!" && err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

func TestNATSWithAnAuthorityOfItsOwnThatDemandsCertificates(t *testing.T) {
	t.Parallel()
	own := jobstest.NewCertificates(t)
	server := jobstest.ConfiguredNATS(t, fmt.Sprintf("tls { ca_file: %q, cert_file: %q, key_file: %q, verify: true }", own.CA, own.Cert, own.Key))
	url := secret.Address("nats://" + server.URL)
	reaches(t, config.NATS{URL: url, CAFile: own.CA, CertFile: own.Cert, KeyFile: own.Key})
	refuses(t, config.NATS{URL: url, CAFile: own.CA})
	refuses(t, config.NATS{URL: url, CertFile: own.Cert, KeyFile: own.Key})
}

func TestNATSWithAnNKEY(t *testing.T) {
	t.Parallel()
	user := jobstest.Value(nkeys.CreateUser())(t)
	name, seed := jobstest.Value(user.PublicKey())(t), jobstest.Value(user.Seed())(t)
	server := jobstest.ConfiguredNATS(t, fmt.Sprintf("authorization { users = [{ nkey: %s }] }", name))
	url := secret.Address("nats://" + server.URL)
	file := filepath.Join(t.TempDir(), "user.nk")
	jobstest.Must(t, os.WriteFile(file, seed, 0o600))
	reaches(t, config.NATS{URL: url, NKeyFile: file})
	refuses(t, config.NATS{URL: url})
}

// JetStream is in the hub; the programs reach a leaf node only, which has none.
func TestJetStreamInADomainBehindALeafNode(t *testing.T) {
	t.Parallel()
	leafPort := jobstest.FreePort(t)
	jobstest.ConfiguredNATS(t, fmt.Sprintf(`server_name: hub
jetstream { domain: hub }
leafnodes { listen: "127.0.0.1:%d" }
`, leafPort))
	leaf := jobstest.LeafNATS(t, fmt.Sprintf(`server_name: leaf
leafnodes { remotes = [{ url: "nats://127.0.0.1:%d" }] }`, leafPort))
	url := secret.Address("nats://" + leaf.URL)
	js := jobstest.Value(boot.NATS(config.NATS{URL: url, Domain: "hub"}, t.Name(), zerolog.Nop()))(t)
	t.Cleanup(js.Conn().Close)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return events.EnsureStream(t.Context(), js, events.Settings{MaxBytes: 5 << 20}) == nil })
	stream := jobstest.Value(js.Stream(t.Context(), events.StreamName))(t)
	if got := stream.CachedInfo().Config.MaxBytes; got != 5<<20 {
		t.Errorf("the stream holds %d bytes", got)
	}
	without := jobstest.Value(boot.NATS(config.NATS{URL: url}, t.Name(), zerolog.Nop()))(t)
	t.Cleanup(without.Conn().Close)
	if _, err := without.AccountInfo(t.Context()); err == nil {
		t.Error("JetStream answers without the domain; the test shows nothing")
	}
}

// told is a log line by line.
type told chan string

func (t told) Write(line []byte) (int, error) {
	t <- string(line)
	return len(line), nil
}

// Who has only the log learns why, and what to do.
func TestTheLogSaysWhyNATSIsNotReached(t *testing.T) {
	t.Parallel()
	server := jobstest.ConfiguredNATS(t, `authorization { user: app, password: right }`)
	for url, want := range map[string]string{
		"nats://app:wr0ng@" + server.URL:                         "it refuses the credentials. Check the user in NATS_URL",
		fmt.Sprintf("nats://127.0.0.1:%d", jobstest.FreePort(t)): "nobody listens there. Start nats-server",
	} {
		log := make(told, 100)
		js := jobstest.Value(boot.NATS(config.NATS{URL: secret.Address(url)}, t.Name(), zerolog.New(log)))(t)
		line := <-log
		js.Conn().Close()
		if !strings.Contains(line, "NATS is not reached: "+want) || strings.Contains(line, "wr0ng") {
			t.Errorf("%s", line)
		}
	}
}

func TestEachCauseIsToldOnceUntilNATSIsBack(t *testing.T) {
	t.Parallel()
	var at events.Connection
	n := 0
	boot.TellUnreached(&at, func(string) { n++ })
	for _, step := range []struct {
		err  error
		want int
	}{
		{nats.ErrNoServers, 1}, {syscall.ECONNREFUSED, 1}, {nats.ErrAuthorization, 2}, {nats.ErrAuthorization, 2}, {nil, 2}, {nats.ErrAuthorization, 3},
	} {
		if step.err == nil {
			at.Reconnected("")
		} else {
			at.Unreached(step.err)
		}
		jobstest.Equal(t, fmt.Sprintf("told after %v", step.err), n, step.want)
	}
}

func reaches(t *testing.T, cfg config.NATS) {
	t.Helper()
	js := jobstest.Value(boot.NATS(cfg, t.Name(), zerolog.Nop()))(t)
	t.Cleanup(js.Conn().Close)
	jobstest.Eventually(t, jobstest.Timeout, js.Conn().IsConnected)
	jobstest.Value(js.AccountInfo(t.Context()))(t)
}

// refuses waits until a try has failed: the client goes on trying.
func refuses(t *testing.T, cfg config.NATS) {
	t.Helper()
	js := jobstest.Value(boot.NATS(cfg, t.Name(), zerolog.Nop()))(t)
	t.Cleanup(js.Conn().Close)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return js.Conn().LastError() != nil })
	if js.Conn().IsConnected() {
		t.Error("the server lets everybody in; the test shows nothing")
	}
}
