//go:build unix

package bridge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	engines "github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// What a process of its own is told: it is this test's binary again.
const (
	childSignal = "SPONSORSYNC_TEST_BRIDGE_SIGNAL" // what it gets after each of its writes
	childRedis  = "SPONSORSYNC_TEST_BRIDGE_REDIS"
	childVault  = "SPONSORSYNC_TEST_BRIDGE_VAULT"
	childNow    = "SPONSORSYNC_TEST_BRIDGE_NOW"
)

// TestBridgeInAProcessOfItsOwn makes one round, as [site.child] has it do.
func TestBridgeInAProcessOfItsOwn(t *testing.T) {
	if os.Getenv(childVault) == "" {
		t.Skip("only as a child of other tests")
	}
	now := jobstest.Value(time.Parse(time.RFC3339Nano, os.Getenv(childNow)))(t)
	rdb := jobstest.Value(enqueue.NewRedis(os.Getenv(childRedis)))(t)
	defer func() { _ = rdb.Close() }()
	sealer := jobstest.Value(state.NewSealer(make([]byte, 32)))(t)
	w := &world{t: t, now: now, rdb: rdb, ledger: state.New(rdb, sealer), memory: memory.New(rdb, sealer), client: enqueue.New(rdb, enqueue.Options{})}
	b := w.bridge("child", full, func(p *bridge.Params) { p.Database = fatal{openWriting(t, os.Getenv(childVault), w.clock)} })
	_ = b.Once(t.Context())
}

// fatal is a database whose process gets a signal after each of its writes.
type fatal struct{ bridge.Database }

func (d fatal) Write(ctx context.Context, org sponsorship.ID, w vault.Write) (vault.Outcome, error) {
	outcome, err := d.Database.Write(ctx, org, w)
	signal := syscall.SIGKILL
	if os.Getenv(childSignal) == "stop" {
		signal = syscall.SIGSTOP
	}
	fmt.Println("wrote", w.Was.ID, outcome, err)
	_ = syscall.Kill(os.Getpid(), signal)
	return outcome, err
}

func openWriting(t *testing.T, file string, now func() time.Time) *engines.Database {
	t.Helper()
	target := jobstest.Value(connstring.Parse(connstring.SQLite, "Data Source="+file+";"))(t)
	opened := jobstest.Value(engines.Open(engines.Options{Target: target, Writes: true, Now: now}))(t)
	t.Cleanup(func() { jobstest.Must(t, opened.Close()) })
	return opened
}

// written is a world whose vault is a file of a server, with members in each state of which there is
// something to write.
type written struct {
	*world
	vault   *vaulttest.Vault
	url     string
	org     sponsorship.ID
	members []sponsorship.ID
}

// wishes are what the cloud has said of each of them, and what the vault is to show.
var wishes = []struct {
	status sponsorship.Status
	intent sponsorship.Intent
	want   string
}{
	{sponsorship.Sent, "", "Sent"},
	{sponsorship.Redeemed, "", "Active"},
	{sponsorship.Expiring, "", "Expires"},
	{sponsorship.Removed, "", "gone"},
	{sponsorship.Pending, sponsorship.IntentRevoke, "Removed"},
	{sponsorship.Pending, sponsorship.IntentRedeem, "Requested"},
}

func setupWritten(t *testing.T) *written {
	t.Helper()
	redis := jobstest.RealRedis(t)
	w := &written{world: setupOn(t, redis.URL), url: redis.URL}
	w.vault = vaulttest.New(t, vaulttest.SQLite, vaulttest.Setup{Clock: w.clock, Seed: 1})
	ctx := t.Context()
	org := jobstest.Value(w.vault.Found(ctx, vaulttest.Organization{Name: "Acme"}))(t)
	jobstest.Must(t, w.vault.SaveToken(ctx, org, "the-token", string(user(900))))
	w.org = sponsorship.ID(org)
	b := w.opened("parent")
	w.round(b)
	for n := range wishes {
		member, _, err := w.vault.Join(ctx, org, vaulttest.Person{Name: "M", Email: fmt.Sprintf("m%d@work.example", n)})
		jobstest.Must(t, err)
		jobstest.Must(t, w.vault.Offer(ctx, vaulttest.ByWebVault(member, fmt.Sprintf("home%d@example.com", n))))
		w.members = append(w.members, sponsorship.ID(member))
	}
	w.round(b)
	w.intake()
	w.round(b)
	b.Leave(ctx)
	w.allow(w.org)
	w.answered()
	return w
}

func (w *written) opened(token string) *running {
	return w.bridge(token, full, func(p *bridge.Params) {
		p.Database, p.Rules.DatesByJob = openWriting(w.t, w.vault.File, w.clock), false
	})
}

// answered puts into the ledger what the cloud has said of each member.
func (w *written) answered() {
	at, until := w.now, w.now.AddDate(1, 0, 0)
	for n, wish := range wishes {
		s := jobstest.Value(w.ledger.Get(w.t.Context(), w.org, w.members[n]))(w.t)[0]
		if s.Revision++; wish.want != "Requested" {
			s.LastSyncAt = &at
		}
		s.Status, s.Intent = wish.status, wish.intent
		if wish.want == "Active" || wish.want == "Expires" {
			s.ValidUntil = &until
		}
		jobstest.Must(w.t, w.seed.Put(w.t.Context(), s))
	}
	w.pass(time.Minute)
}

// child starts a bridge in a process of its own, for one round.
func (w *written) child(signal string) (*exec.Cmd, io.Reader) {
	w.t.Helper()
	c := exec.Command(jobstest.Value(os.Executable())(w.t), "-test.run=^TestBridgeInAProcessOfItsOwn$")
	c.Env = append(os.Environ(), childSignal+"="+signal, childRedis+"="+w.url, childVault+"="+w.vault.File, childNow+"="+w.now.Format(time.RFC3339Nano))
	out := jobstest.Value(c.StdoutPipe())(w.t)
	jobstest.Must(w.t, c.Start())
	return c, out
}

// requireShown holds the vault to what the cloud has said, with no job and no hold besides.
func (w *written) requireShown() {
	w.t.Helper()
	found := jobstest.Value(openWriting(w.t, w.vault.File, w.clock).Read(w.t.Context(), w.org))(w.t)
	w.vaults[w.org] = &found
	for n, wish := range wishes {
		got := "gone"
		for _, r := range found.Rows {
			if r.User == w.members[n] {
				got = word(r)
			}
		}
		jobstest.Equal(w.t, string(wish.status)+" "+string(wish.intent)+" shows", got, wish.want)
	}
	w.requireHeld(w.org)
	w.requireEnqueued()
}

// Killed with -9 after each of its writes, the bridge comes to the same end.
func TestABridgeThatIsKilledAfterEachWrite(t *testing.T) {
	t.Parallel()
	w := setupWritten(t)
	writes := 0
	for ; ; writes++ {
		jobstest.Must(t, w.rdb.Del(t.Context(), state.BridgeLeaseKey).Err()) // that of the killed one has ended
		c, out := w.child("kill")
		said := string(jobstest.Value(io.ReadAll(out))(t))
		if c.Wait() == nil {
			break // it had nothing to write any more
		}
		if !strings.Contains(said, "written") {
			t.Fatalf("it ended otherwise than by a write:\n%s", said)
		}
		w.pass(time.Minute)
	}
	jobstest.Equal(t, "writes", writes, 5)
	jobstest.Must(t, w.rdb.Del(t.Context(), state.BridgeLeaseKey).Err())
	w.round(w.opened("parent"))
	w.requireShown()
}

// Stopped for 40 s in the middle of its writes, longer than its lease, while another
// one takes over, and then let go on.
func TestABridgeThatSleepsInTheMiddleOfItsWrites(t *testing.T) {
	if os.Getenv("SPONSORSYNC_TEST_LONG") == "" {
		t.Skip("takes 40 s; SPONSORSYNC_TEST_LONG=1 runs it")
	}
	t.Parallel()
	w := setupWritten(t)
	c, out := w.child("stop")
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("it wrote nothing")
	}
	jobstest.Must(t, jobs.Sleep(t.Context(), 40*time.Second))
	other := w.opened("parent")
	w.round(other)
	w.round(other)
	ended := make(chan error, 1)
	go func() { _, _ = io.Copy(io.Discard, out); ended <- c.Wait() }()
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		_ = c.Process.Signal(syscall.SIGCONT) // each of its writes stops it
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
	w.round(other)
	w.requireShown()
}
