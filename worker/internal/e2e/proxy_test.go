package e2e_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// proxy stands between a program and one of its servers, and can cut, stall and
// swallow what passes.
type proxy struct {
	target   string
	listener net.Listener
	over     chan struct{} // the test has ended
	pumps    sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	deaf    bool          // answers are dropped
	kept    []byte        // not nil: an answer that contains it is dropped, with all that follow on its connection
	stalled chan struct{} // not nil: nothing passes until it is closed
	traps   []*trap
}

// trap waits for a request that contains a text.
type trap struct {
	text    []byte
	forward bool          // the server still gets the request, the program never its answer
	sprung  chan struct{} // closed then; that connection carries nothing any more
}

// link is one connection through the proxy.
type link struct {
	inner, outer net.Conn
	mute         chan struct{} // closed: a trap has sprung on this link
	once         sync.Once
}

// between starts a proxy to the host of a server's URL, and returns it with the
// URL that leads through it.
func between(t testing.TB, server string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	jobstest.Must(t, err)
	p := &proxy{target: u.Host, over: make(chan struct{}), conns: map[net.Conn]bool{}}
	p.listener, err = net.Listen("tcp", "127.0.0.1:0")
	jobstest.Must(t, err)
	p.pumps.Go(p.accept)
	t.Cleanup(p.close)
	u.Host = p.listener.Addr().String()
	return p, u.String()
}

func (p *proxy) close() {
	close(p.over)
	_ = p.listener.Close()
	p.cut()
	p.pumps.Wait()
}

func (p *proxy) accept() {
	for {
		inner, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		outer, err := net.Dial("tcp", target)
		if err != nil { // the server is away: so is its address
			_ = inner.Close()
			continue
		}
		p.mu.Lock()
		p.conns[inner], p.conns[outer] = true, true
		p.mu.Unlock()
		l := &link{inner: inner, outer: outer, mute: make(chan struct{})}
		p.pumps.Go(func() { p.pump(l, inner, outer, true) })
		p.pumps.Go(func() { p.pump(l, outer, inner, false) })
	}
}

// pump copies one direction until either side ends, then ends both.
func (p *proxy) pump(l *link, from, to net.Conn, request bool) {
	defer p.drop(l)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if p.passes(l, buffer[:n], request) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}

func (p *proxy) drop(l *link) {
	_, _ = l.inner.Close(), l.outer.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, l.inner)
	delete(p.conns, l.outer)
}

// passes waits while the proxy stalls, and reports whether the bytes go on.
func (p *proxy) passes(l *link, chunk []byte, request bool) bool {
	p.mu.Lock()
	stalled, deaf, kept := p.stalled, p.deaf, p.kept
	p.mu.Unlock()
	if stalled != nil {
		select {
		case <-stalled:
		case <-p.over:
		}
	}
	if request {
		if t := p.caught(chunk); t != nil {
			l.once.Do(func() { close(l.mute) })
			close(t.sprung)
			return t.forward
		}
	}
	if !request && kept != nil && bytes.Contains(chunk, kept) {
		l.once.Do(func() { close(l.mute) })
	}
	select {
	case <-l.mute:
		return false
	default:
		return request || !deaf
	}
}

func (p *proxy) caught(chunk []byte) *trap {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, t := range p.traps {
		if bytes.Contains(chunk, t.text) {
			p.traps = append(p.traps[:i], p.traps[i+1:]...)
			return t
		}
	}
	return nil
}

// trap lays one for the first request that contains the text.
func (p *proxy) trap(text string, forward bool) *trap {
	t := &trap{text: []byte(text), forward: forward, sprung: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traps = append(p.traps, t)
	return t
}

// swallow drops all answers, or lets them pass again.
func (p *proxy) swallow(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = on
}

// keep withholds each answer that contains a text; "" lets them pass again.
func (p *proxy) keep(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept = nil; text != "" {
		p.kept = []byte(text)
	}
}

// stall holds everything back until the returned function is called.
func (p *proxy) stall() (resume func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stalled := make(chan struct{})
	p.stalled = stalled
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stalled = nil
		close(stalled)
	})
}

// lead sends every new connection to another server.
func (p *proxy) lead(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// cut resets every connection; new ones are welcome.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}
