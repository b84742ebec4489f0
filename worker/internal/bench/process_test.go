package bench_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

const (
	ourProgram  = "github.com/sponsorsync/sponsorsync/worker"
	bareProgram = "./testdata/bare"
)

// build returns the path of a program, stripped or as it is.
func build(b *testing.B, program string, stripped bool) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "program")
	args := []string{"build", "-o", path}
	if stripped {
		args = append(args, "-ldflags=-s -w")
	}
	if output, err := exec.Command("go", append(args, program)...).CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", program, err, output)
	}
	return path
}

// settings are the environment of a worker, as NAME=value.
type settings []string

// settingsOf is a worker's environment on this store; cloud is the base of the
// identity and the API URI.
func settingsOf(b *testing.B, s *store, nats *jobstest.Process, cloud access) settings {
	b.Helper()
	return settings{
		"HOME=" + b.TempDir(),
		"globalSettings__enableCloudCommunication=true",
		"globalSettings__installation__id=" + cloud.installation,
		"globalSettings__installation__key=" + cloud.key,
		"globalSettings__installation__identityUri=" + cloud.url,
		"globalSettings__installation__apiUri=" + cloud.url,
		"REDIS_URL=" + s.server.URL, "NATS_URL=" + nats.URL,
		"SPONSORSYNC_ENCRYPTION_KEY=" + encryptionKey,
		"SPONSORSYNC_CLOUD_RATE=0",
		"SPONSORSYNC_WORKER_LISTEN=" + freeAddress(b),
		"SPONSORSYNC_LICENSE_DIR=" + b.TempDir(),
	}
}

func (s settings) value(name string) string {
	for _, pair := range s {
		if value, found := strings.CutPrefix(pair, name+"="); found {
			return value
		}
	}
	return ""
}

// process is a worker that runs, ours or the bare one.
type process struct {
	b    *testing.B
	cmd  *exec.Cmd
	log  *os.File // as a service manager would keep it; a pipe would cost us its reading
	done chan struct{}
}

// run starts a program; it is stopped, gracefully, when the benchmark ends.
func run(b *testing.B, path string, env settings, args ...string) *process {
	b.Helper()
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	jobstest.Must(b, err)
	p := &process{b: b, cmd: exec.Command(path, args...), log: log, done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, log, log
	jobstest.Must(b, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	b.Cleanup(p.stop)
	return p
}

// runWorker builds and runs our worker and returns when it is ready.
func runWorker(b *testing.B, env settings) *process {
	b.Helper()
	p := run(b, build(b, ourProgram, false), env)
	p.awaitReady(env)
	return p
}

func (p *process) awaitReady(env settings) {
	p.b.Helper()
	url := "http://" + env.value("SPONSORSYNC_WORKER_LISTEN") + "/readyz"
	await(p.b, time.Millisecond, func() bool {
		res, err := http.Get(url)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// stop demands that the program ends by itself when asked. It may be called twice.
func (p *process) stop() {
	p.b.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
		p.b.Fatal("the program does not end after SIGTERM")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		text, _ := os.ReadFile(p.log.Name())
		p.b.Errorf("status %d after SIGTERM:\n%s", code, text)
	}
	_ = p.log.Close()
}

// proc reads a file below /proc of the process; "" where there is no such thing.
func (p *process) proc(name string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name))
	return string(text)
}

// memory returns a figure of /proc/PID/status, such as VmHWM, in MiB.
func (p *process) memory(field string) float64 {
	for line := range strings.Lines(p.proc("status")) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			kib, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

// cpu returns the processor time used so far, in user and kernel together.
func (p *process) cpu() time.Duration {
	const ticksPerSecond = 100 // USER_HZ, the same on every Linux
	_, text, _ := strings.Cut(p.proc("stat"), ") ")
	fields := strings.Fields(text)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / ticksPerSecond
}

// await polls until cond holds.
func await(b *testing.B, every time.Duration, cond func() bool) {
	b.Helper()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for end := time.Now().Add(deadline); !cond(); <-ticker.C {
		if time.Now().After(end) {
			b.Fatalf("not true within %v", deadline)
		}
	}
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	jobstest.Must(b, err)
	defer l.Close()
	return l.Addr().String()
}
