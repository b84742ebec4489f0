//go:build browser

package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

const apiToken = "a-long-token-of-the-tests-0123456789abcdef"

// stack is devstack, a worker and producer serve, which reaches Redis over a way that can
// be cut.
type stack struct {
	env   map[string]string // what devstack printed
	url   string
	redis redis.UniversalClient
	way   *way
}

func start(t *testing.T) *stack {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "../../../worker", "../../../worker/devstack", "../../../producer")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	s := &stack{env: map[string]string{}}
	devstack := run(t, filepath.Join(dir, "devstack"), nil)
	for line := range devstack.lines {
		name, value, _ := strings.Cut(line, "=")
		if s.env[name] = value; name == "DEVSTACK_READY" {
			break
		}
	}
	s.redis = jobstest.Value(enqueue.NewRedis(s.env["REDIS_URL"]))(t)
	t.Cleanup(func() { _ = s.redis.Close() })
	direct := jobstest.Value(url.Parse(s.env["REDIS_URL"]))(t)
	s.way = newWay(t, direct.Host)
	s.env["SPONSORSYNC_API_TOKEN"], s.env["SPONSORSYNC_WORKER_LISTEN"] = apiToken, "127.0.0.1:0"
	s.env["SPONSORSYNC_LISTEN"], s.env["SPONSORSYNC_LICENSE_DIR"] = freeAddress(t), filepath.Join(dir, "licenses")
	run(t, filepath.Join(dir, "worker"), s.env)
	s.env["REDIS_URL"] = "redis://" + s.way.address + "/0"
	run(t, filepath.Join(dir, "producer"), s.env, "serve")
	s.url = "http://" + s.env["SPONSORSYNC_LISTEN"]
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		response, err := http.Get(s.url + "/healthz")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	})
	return s
}

// freeAddress is one where nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l := jobstest.Value(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// process is a program that ends with the test.
type process struct{ lines chan string }

func run(t *testing.T, program string, env map[string]string, args ...string) *process {
	t.Helper()
	var log bytes.Buffer
	command := exec.Command(program, args...)
	command.Stderr = &log
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	out := jobstest.Value(command.StdoutPipe())(t)
	jobstest.Must(t, command.Start())
	p := &process{make(chan string, 100)}
	go func() {
		defer close(p.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			p.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
		if t.Failed() {
			text := log.String()
			t.Logf("%s: %s", filepath.Base(program), text[max(0, len(text)-2000):])
		}
	})
	return p
}

// way carries connections to a server, until it is cut.
type way struct {
	address string
	target  string

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

func newWay(t *testing.T, target string) *way {
	t.Helper()
	listener := jobstest.Value(net.Listen("tcp", "127.0.0.1:0"))(t)
	w := &way{address: listener.Addr().String(), target: target, open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(t.Context(), from)
		}
	}()
	return w
}

func (w *way) carry(ctx context.Context, from net.Conn) {
	defer func() { _ = from.Close() }()
	to, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.target)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	w.mu.Lock()
	cut := w.cut
	w.open[from] = true
	w.mu.Unlock()
	if cut {
		return
	}
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	_, _ = io.Copy(from, to)
}

// set cuts the way, or mends it.
func (w *way) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for c := range w.open {
		if cut {
			_ = c.Close()
		}
		delete(w.open, c)
	}
}
