package e2e_test

import (
	"crypto/ed25519"
	"encoding/base32"
	"encoding/base64"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// TestTokensExpireAndRotate: the installation's token dies early and is
// replaced in silence; a rotated billing sync token is named, stops the automatic
// attempts, and once saved anew everything goes on without a restart.
func TestTokensExpireAndRotate(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	l.worker()
	l.started()
	l.cloud.ExpireTokens()
	l.redeem(l.orgs[0], 0, 10)
	l.settled(deadline)
	if codes := l.failures(); len(codes) > 0 {
		t.Errorf("failures because of an expired token: %v", codes)
	}

	fresh := l.cloud.RotateKey(l.remote.ID)
	l.redeem(l.orgs[0], 10, 20)
	jobstest.Eventually(t, deadline, func() bool {
		o, _, err := l.ledger.Organization(t.Context(), org)
		return err == nil && o.Paused == fault.BillingSyncTokenInvalid
	})
	if n := l.count(sponsorship.Sent); n != 10 {
		t.Errorf("%d offers sent, want the 10 from before the rotation", n)
	}
	l.producer(fresh, "connect", "--org", string(org), "--cloud-org", l.remote.ID).ok()
	l.check()
	if codes := l.failures(); len(codes) != 1 || codes[0] != string(fault.BillingSyncTokenInvalid) {
		t.Errorf("failures told: %v", codes)
	}
}

// TestNATSCredentialsReplaced: the server refuses the old ones more often
// than the twice after which nats.go gives up by default; the worker reads the
// file anew and is back, without a restart.
func TestNATSCredentialsReplaced(t *testing.T) {
	t.Parallel()
	guard := &doorman{accepts: firstKey}
	srv := guarded(t, guard)
	file := filepath.Join(t.TempDir(), "worker.creds")
	jobstest.Must(t, os.WriteFile(file, credentials(firstKey), 0o600))
	l := setupFaults(t, 1, append(hasty, "SPONSORSYNC_NATS_CREDS_FILE="+file)...)
	js, err := events.Connect(events.Connection{URL: "nats://test@" + srv.Addr().String()})
	jobstest.Must(t, err)
	t.Cleanup(js.Conn().Close)
	l.js = js
	p := l.behind("NATS_URL", srv.ClientURL())
	l.worker()
	l.started()
	l.drained()

	guard.admit(secondKey)
	p.cut()
	l.redeem(l.orgs[0], 0, 10)
	jobstest.Eventually(t, deadline, func() bool { return guard.refusals() > 2 })
	l.settled(deadline)
	if l.waiting() == 0 {
		t.Error("events left the outbox past a server that refuses the worker")
	}
	jobstest.Must(t, os.WriteFile(file, credentials(secondKey), 0o600))
	l.check()
}

// Two keys of NATS users that exist in this test only.
const (
	firstKey  = "SUAAC7UDKKUJSB6Z7MRFOW4LJ6OQHWYUAFXNOHD2X6YYBQBDU3AZHKMKRA"
	secondKey = "SUACKNY4QUXJN4W5E3ZGBPWINFP7GBTI5MY2IYK7GYJJ3NY23LFKG6FW24"
)

// credentials is a creds file.
func credentials(key string) []byte {
	return []byte("-----BEGIN NATS USER JWT-----\nunread\n------END NATS USER JWT------\n\n" +
		"-----BEGIN USER NKEY SEED-----\n" + key + "\n------END USER NKEY SEED------\n")
}

// doorman admits the user called test, and whoever signs with the right key.
type doorman struct {
	mu      sync.Mutex
	accepts string
	refused int
}

// Check implements server.Authentication.
func (d *doorman) Check(c server.ClientAuthentication) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := c.GetOpts()
	ok := o.Token == "test" || signedWith(d.accepts, c.GetNonce(), o.Sig)
	if !ok {
		d.refused++
	}
	return ok
}

// signedWith reads the private key out of its text form: two bytes of prefix, the
// key, a checksum.
func signedWith(key string, nonce []byte, signature string) bool {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
	sig, sigErr := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || sigErr != nil {
		return false
	}
	private := ed25519.NewKeyFromSeed(raw[2 : 2+ed25519.SeedSize])
	return ed25519.Verify(private.Public().(ed25519.PublicKey), nonce, sig)
}

func (d *doorman) admit(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepts, d.refused = key, 0
}

func (d *doorman) refusals() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// guarded runs a NATS server with a doorman.
func guarded(t *testing.T, d *doorman) *server.Server {
	t.Helper()
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		CustomClientAuthentication: d, AlwaysEnableNonce: true,
	})
	jobstest.Must(t, err)
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	return srv
}
