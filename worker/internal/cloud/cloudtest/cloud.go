package cloudtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// KeyPenalty is what a wrong license key costs at the real cloud.
const KeyPenalty = 2 * time.Second

// Options configure a Cloud. The zero value is a usable US cloud without rate
// limits or delays on a free loopback port.
type Options struct {
	// Addr is where to listen; the default is a free port of 127.0.0.1.
	Addr string
	// Region is the region this cloud serves, "US" by default. Installations of
	// another region are unknown to it, as the real regions share no database.
	Region string
	// SelfHosted makes identity that of a self-hosted server, which knows no
	// installations at all (PROTOCOL.md 1.1).
	SelfHosted bool
	// Now is the clock of everything but HTTP timeouts; default time.Now.
	Now func() time.Time
	// Rand feeds ids and keys; default crypto/rand. A reader that fails panics.
	Rand io.Reader
	// Sleep waits out delays, stalls and penalties; default Sleep, in real time.
	// It returns early when ctx ends.
	Sleep func(ctx context.Context, d time.Duration)
	// Penalty is how long a wrong license key waits for its answer; the real
	// cloud takes KeyPenalty, 0 is none.
	Penalty time.Duration
	// InProcess serves in memory instead of on Addr; use Transport to reach it.
	// It works within a testing/synctest bubble.
	InProcess bool
	// Limits turn on rate limits; DefaultLimits has the published ones.
	Limits Limits
	// AsDocumented makes Renew end sponsorships that are revoked or long
	// unsynced, as the documentation says; the code upstream renews them all the
	// same (PROTOCOL.md 6.4).
	AsDocumented bool
}

// Cloud is the simulated cloud. All methods may be called from any goroutine,
// also while requests are held.
type Cloud struct {
	opts     Options
	base     context.Context
	stop     context.CancelFunc
	server   *http.Server
	control  http.Handler
	signer   func() *signer
	tokenKey []byte

	mu       sync.Mutex // guards everything below
	url      string
	closed   bool
	world    world
	ledger   ledger
	limiter  limiter
	limits   Limits
	faults   []*Fault
	cleared  chan struct{} // closed and replaced by ClearFaults
	gates    []*Gate
	license  LicenseMode
	mails    MailMode
	pipes    *pipeListener // in place of a port; nil unless InProcess
	onSync   func(context.Context, Request)
	handlers sync.WaitGroup
	served   chan struct{}
}

// New builds a cloud without listening yet.
func New(opts Options) *Cloud {
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	if opts.Region == "" {
		opts.Region = "US"
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = Sleep
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	c := &Cloud{
		opts: opts, limits: opts.Limits, world: newWorld(opts.Rand), ledger: newLedger(),
		cleared: make(chan struct{}), limiter: limiter{}, signer: sync.OnceValue(newSigner), served: make(chan struct{}),
	}
	if opts.InProcess {
		c.pipes = newPipeListener()
	}
	c.tokenKey = []byte(c.world.key(32))
	c.base, c.stop = context.WithCancel(context.Background())
	c.control = c.controlRoutes()
	c.server = &http.Server{
		Handler: c, ReadHeaderTimeout: 30 * time.Second,
		BaseContext: func(net.Listener) context.Context { return c.base },
		ErrorLog:    log.New(io.Discard, "", 0),
	}
	return c
}

// Start listens and serves in the background until Close.
func (c *Cloud) Start() error {
	listener, err := c.listen()
	if err != nil {
		return fmt.Errorf("listen for simulated cloud: %w", err)
	}
	c.mu.Lock()
	c.url = "http://" + listener.Addr().String()
	c.mu.Unlock()
	go func() {
		defer close(c.served)
		_ = c.server.Serve(listener) // always ends with ErrServerClosed or a dead listener
	}()
	return nil
}

func (c *Cloud) listen() (net.Listener, error) {
	if c.pipes != nil {
		return c.pipes, nil
	}
	return net.Listen("tcp", c.opts.Addr)
}

// Transport is a new HTTP transport that reaches this cloud, by its port or in
// memory. Whoever asked for it closes its idle connections.
func (c *Cloud) Transport() *http.Transport {
	transport := &http.Transport{}
	if c.pipes != nil {
		transport.DialContext = c.pipes.dial
	}
	return transport
}

// URL is the base of both the identity and the API URI; empty before Start.
func (c *Cloud) URL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.url
}

// Close cuts every connection, opens every gate and waits for the handlers.
func (c *Cloud) Close() error {
	c.mu.Lock()
	started := c.url != ""
	c.closed = true
	c.mu.Unlock()
	c.stop()
	err := c.server.Close()
	if started {
		<-c.served
	}
	c.handlers.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Sleep waits for d or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// now is the cloud's clock at the resolution of its database, 100 ns in UTC.
func (c *Cloud) now() time.Time { return c.opts.Now().UTC().Truncate(100 * time.Nanosecond) }
