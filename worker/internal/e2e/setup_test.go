package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// deadline is generous: it costs nothing when all is well.
const deadline = 90 * time.Second

const apiToken = "an-api-token-of-the-end-to-end-tests"

// binaries is where TestMain puts the two programs.
var binaries string

// buildFlags holds -race when the tests run with it.
var buildFlags []string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sponsorsync-e2e-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	args := append(append([]string{"build"}, buildFlags...), "-o", dir+"/",
		"github.com/sponsorsync/sponsorsync/worker", "github.com/sponsorsync/sponsorsync/producer")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the programs: %v\n%s", err, out)
		return 1
	}
	binaries = dir
	waitTogether()
	return m.Run()
}

// waitTogether lets more tests run at once than there are processors, unless the
// command line says how many: they wait for leases and timeouts most of the time.
func waitTogether() {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
}

// system is one installation: servers, cloud and settings of its own.
type system struct {
	t      *testing.T
	redis  *jobstest.Process
	nats   *jobstest.Process
	cloud  *cloudtest.Cloud
	remote cloudtest.Organization
	env    []string
	ledger *ledger.Ledger
	rdb    redis.UniversalClient
	js     jetstream.JetStream
	first  *program // a worker that a test may kill
}

const org = sponsorship.ID("10000000-0000-4000-8000-000000000001")

func user(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n))
}

func address(n int) string { return fmt.Sprintf("member%d@example.com", n) }

// start brings up servers and a connected organization. The settings may be
// extended with "NAME=value"; a later one wins.
func start(t *testing.T, env ...string) *system {
	t.Helper()
	s := &system{t: t, redis: jobstest.RealRedis(t), nats: jobstest.RealNATS(t), cloud: cloudtest.New(cloudtest.Options{})}
	jobstest.Must(t, s.cloud.Start())
	t.Cleanup(func() { _ = s.cloud.Close() })
	installation := s.cloud.AddInstallation()
	s.remote = s.cloud.AddOrganization()
	key := []byte("0123456789abcdef0123456789abcdef") // a plainer one is refused
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"globalSettings__enableCloudCommunication=true",
		"globalSettings__installation__id=" + installation.ID,
		"globalSettings__installation__key=" + installation.Key,
		"globalSettings__installation__identityUri=" + s.cloud.URL(),
		"globalSettings__installation__apiUri=" + s.cloud.URL(),
		"REDIS_URL=" + s.redis.URL, "NATS_URL=" + s.nats.URL,
		"SPONSORSYNC_ENCRYPTION_KEY=" + base64.StdEncoding.EncodeToString(key),
		"SPONSORSYNC_API_TOKEN=" + apiToken,
		"SPONSORSYNC_CLOUD_RATE=0", "SPONSORSYNC_SHUTDOWN_TIMEOUT=30s",
		// What got no answer is held for these two together.
		"SPONSORSYNC_CLOUD_TIMEOUT=10s", "SPONSORSYNC_CLOUD_GRACE=5s",
		"SPONSORSYNC_WORKER_LISTEN=127.0.0.1:0", "SPONSORSYNC_LISTEN=127.0.0.1:0",
		"SPONSORSYNC_LICENSE_DIR=" + filepath.Join(t.TempDir(), "licenses"),
	}, env...)
	s.connect(key)
	return s
}

func (s *system) connect(key []byte) {
	s.t.Helper()
	var err error
	s.rdb, err = enqueue.NewRedis(s.redis.URL)
	jobstest.Must(s.t, err)
	s.t.Cleanup(func() { _ = s.rdb.Close() })
	sealer, err := state.NewSealer(key)
	jobstest.Must(s.t, err)
	s.ledger = ledger.New(s.rdb, sealer)
	s.js, err = events.Connect(events.Connection{URL: s.nats.URL, Name: "test"})
	jobstest.Must(s.t, err)
	s.t.Cleanup(s.js.Conn().Close)
	s.producer(s.remote.BillingSyncKey, "connect", "--org", string(org), "--cloud-org", s.remote.ID).ok()
}

// result is what a command left behind.
type result struct {
	t           *testing.T
	out, errors string
	status      int
}

func (r result) ok() result {
	r.t.Helper()
	if r.status != 0 {
		r.t.Fatalf("status %d\n%s%s", r.status, r.out, r.errors)
	}
	return r
}

// producer runs one command of the producer to its end.
func (s *system) producer(stdin string, args ...string) result {
	s.t.Helper()
	return s.command(filepath.Join(binaries, "producer"), stdin, args...)
}

// command runs a program to its end.
func (s *system) command(path, stdin string, args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Stdin = s.env, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return result{s.t, out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// program is a running worker or server.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *logBuffer
	done chan struct{}

	killed bool // by the test: its log is of no interest any more
}

// run starts a program, one of ours by its name or another by its path, and stops it,
// gracefully, when the test ends.
func (s *system) run(name string, args ...string) *program {
	s.t.Helper()
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(binaries, name)
	}
	return s.launch(exec.Command(path, args...), s.env)
}

func (s *system) launch(cmd *exec.Cmd, env []string) *program {
	s.t.Helper()
	p := &program{t: s.t, cmd: cmd, log: &logBuffer{}, done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr, p.cmd.Stdout = env, p.log, p.log
	jobstest.Must(s.t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	s.t.Cleanup(func() {
		if p.running() {
			p.stop()
		}
		if s.t.Failed() && !p.killed {
			s.t.Logf("log of %s:\n%s", filepath.Base(cmd.Path), p.log.String())
		}
	})
	return p
}

func (s *system) worker() *program { return s.run("worker") }

func (p *program) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// stop asks the program to end, and demands status 0 and no data race.
func (p *program) stop() {
	p.t.Helper()
	p.terminate()()
}

// terminate asks the program to end; the returned function waits for that, and
// demands status 0 and no data race.
func (p *program) terminate() (ended func()) {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.ended
}

func (p *program) ended() {
	p.t.Helper()
	p.exits(0)
}

// cutOff asks the program to end, which has a job that cannot, and demands status 1
// and no data race.
func (p *program) cutOff() {
	p.t.Helper()
	_ = p.terminate()
	p.exits(1)
}

// exits waits until the program has ended, and demands a status and no data race.
func (p *program) exits(status int) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(deadline):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // says where it hangs
		<-p.done
		p.t.Fatalf("the program does not end after SIGTERM:\n%s", p.log.String())
	}
	if code := p.cmd.ProcessState.ExitCode(); code != status {
		p.t.Errorf("status %d after SIGTERM, want %d", code, status)
	}
	if strings.Contains(p.log.String(), "DATA RACE") {
		p.t.Error("data race")
	}
}

func (p *program) kill() {
	p.killed = true
	_ = p.cmd.Process.Kill()
	<-p.done
}

// logBuffer collects a program's output.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// await waits until n sponsorships have a status.
func (s *system) await(status sponsorship.Status, n int64) {
	s.t.Helper()
	jobstest.Eventually(s.t, deadline, func() bool {
		counts, err := s.ledger.Counts(s.t.Context(), org)
		return err == nil && counts[status] == n
	})
}

// csv is a file of n members.
func (s *system) csv(n int) string {
	s.t.Helper()
	var b strings.Builder
	b.WriteString("organizationUserId,sponsoredEmail,friendlyName\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,%s,Member %d\n", user(i), address(i), i)
	}
	path := filepath.Join(s.t.TempDir(), "members.csv")
	jobstest.Must(s.t, os.WriteFile(path, []byte(b.String()), 0o600))
	return path
}
