//go:build linux || darwin

package jobstest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

const startAttempts = 5 // a free port can be taken between looking and using it

// Process is a real server that a test may treat badly. It keeps its port and its
// files from Kill to Restart. The test's end kills it.
type Process struct {
	URL string

	t       testing.TB
	port    int
	command func(port int) *exec.Cmd
	answers func() bool
	output  lockedBuffer

	cmd  *exec.Cmd
	dead chan struct{} // closed when cmd has ended
}

// launch starts the server on a free port.
func launch(t testing.TB, p *Process, url func(port int) string) *Process {
	t.Helper()
	p.t = t
	t.Cleanup(p.Kill)
	for range startAttempts {
		p.port = freePort(t)
		p.URL = url(p.port)
		if p.start() {
			return p
		}
	}
	t.Fatalf("server does not start; it said:\n%s", p.output.String())
	return nil
}

func (p *Process) start() bool {
	p.t.Helper()
	p.cmd = p.command(p.port)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.cmd.Path, err)
	}
	cmd, dead := p.cmd, make(chan struct{})
	p.dead = dead
	go func() {
		defer close(dead)
		_ = cmd.Wait() // how it ended is the test's doing
	}()
	ready := false
	poll(Timeout, func() bool {
		ready = p.answers()
		return ready || p.ended()
	})
	if !ready {
		p.Kill()
	}
	return ready && !p.ended()
}

func (p *Process) ended() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// Kill is kill -9: nothing is flushed, nobody is told. A dead server stays dead.
func (p *Process) Kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Kill() // fails only when it has ended already
	<-p.dead
}

// Pause freezes the server (SIGSTOP): it keeps its connections and answers
// nothing. It returns when the server has stopped.
func (p *Process) Pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	err := error(syscall.EINTR)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	}
	if err != nil || !status.Stopped() {
		p.t.Fatalf("server is not paused: %v, status %v", err, status)
	}
}

// Resume lets a paused server go on (SIGCONT).
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Restart starts the server again on the same port and files, killing it before
// if it runs, and returns when it answers.
func (p *Process) Restart() {
	p.t.Helper()
	p.Kill()
	if !p.start() {
		p.t.Fatalf("server does not come back on port %d; it said:\n%s", p.port, p.output.String())
	}
}

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("send %v: %v", s, err)
	}
}

// FreePort returns a port that nobody listens at just now.
func FreePort(t testing.TB) int { return freePort(t) }

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

func dials(port int) bool {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// lockedBuffer collects a child's output while the test may read it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
