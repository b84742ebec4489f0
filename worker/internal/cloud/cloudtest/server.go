package cloudtest

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// The three endpoints. PathLicense is a prefix: the cloud's organisation id follows.
const (
	PathToken   = "/connect/token"
	PathSync    = "/organization/sponsorship/sync"
	PathLicense = "/licenses/organization/"
)

const (
	controlPrefix = "/_control/"
	maxBody       = 30_000_000 // bytes, the web server's default (fact sheet 2.7)
)

// exchange is one request on its way through the cloud.
type exchange struct {
	request *http.Request
	body    []byte
	bodyErr error // reading the body ended in this
	entry   Request
	sync    syncRequest // bound body of a sync
	bind    *APIError   // why the body of a sync could not be bound
}

// ServeHTTP lets a Cloud be mounted elsewhere; Start is the usual way.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !c.enter() {
		panic(http.ErrAbortHandler)
	}
	defer c.handlers.Done()
	if strings.HasPrefix(r.URL.Path, controlPrefix) {
		c.control.ServeHTTP(w, r)
		return
	}
	ex := c.open(r)
	a := c.process(r.Context(), ex)
	c.settle(ex.entry, a)
	write(w, a)
}

// enter registers a handler unless the cloud is closing.
func (c *Cloud) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.handlers.Add(1)
	}
	return !c.closed
}

// open reads the request and enters it in the ledger.
func (c *Cloud) open(r *http.Request) *exchange {
	ex := &exchange{request: r, entry: Request{Method: r.Method, Path: r.URL.Path, At: c.now()}}
	ex.body, ex.bodyErr = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	_, _ = io.Copy(io.Discard, r.Body) // so that an answer to an oversize body is not reset
	switch {
	case r.URL.Path == PathSync:
		ex.sync, ex.bind = bindSync(ex.body)
		ex.entry.OrganizationID = ex.sync.organizationID
		ex.entry.Rows = ex.sync.sent()
	case strings.HasPrefix(r.URL.Path, PathLicense):
		ex.entry.OrganizationID = strings.ToLower(strings.TrimPrefix(r.URL.Path, PathLicense))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if bearer, err := c.readToken(r); err == nil {
		ex.entry.InstallationID = bearer.installation
	}
	ex.entry = c.ledger.open(ex.entry)
	return ex
}

// process takes a request past limits, hook, gates and faults to its effect.
func (c *Cloud) process(ctx context.Context, ex *exchange) answer {
	if a, limited := c.limit(ex); limited {
		return a
	}
	c.callHook(ctx, ex)
	if !c.pass(ctx, BeforeEffect, ex.entry) {
		return answer{cut: true}
	}
	f := c.takeFault(ex.entry)
	if f != nil && !f.AfterEffect {
		if a, final := f.apply(ctx); final {
			return a
		}
	}
	a := c.route(ex)
	c.markEffect(ex.entry, a.effect)
	if a.delay > 0 && c.opts.Delay != nil {
		c.opts.Delay(ctx, a.delay)
	}
	if !c.pass(ctx, AfterEffect, ex.entry) {
		return answer{cut: true}
	}
	if f != nil && f.AfterEffect {
		if replaced, final := f.apply(ctx); final {
			return replaced
		}
	}
	return a
}

func (c *Cloud) route(ex *exchange) answer {
	switch {
	case ex.bodyErr != nil:
		return answer{cut: true}
	case len(ex.body) > maxBody:
		return emptyAnswer(http.StatusRequestEntityTooLarge)
	}
	path, method := ex.request.URL.Path, ex.request.Method
	switch {
	case path == PathToken:
		return c.serveToken(ex)
	case path == PathSync && method == http.MethodPost:
		return c.serveSync(ex)
	case strings.HasPrefix(path, PathLicense) && method == http.MethodGet:
		return c.serveLicense(ex)
	case path == PathSync, strings.HasPrefix(path, PathLicense):
		return emptyAnswer(http.StatusMethodNotAllowed)
	}
	return emptyAnswer(http.StatusNotFound)
}

// OnSync sets a hook that runs while a sync request is held, before its effect,
// so that a test can change things mid-request. Nil removes it.
func (c *Cloud) OnSync(hook func(ctx context.Context, r Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onSync = hook
}

func (c *Cloud) callHook(ctx context.Context, ex *exchange) {
	c.mu.Lock()
	hook := c.onSync
	c.mu.Unlock()
	if hook != nil && ex.entry.Path == PathSync {
		hook(ctx, ex.entry.clone())
	}
}

func write(w http.ResponseWriter, a answer) {
	if a.cut {
		cut(w)
		return
	}
	head := w.Header()
	head.Set("X-Frame-Options", "SAMEORIGIN")
	head.Set("X-Xss-Protection", "1; mode=block")
	head.Set("X-Content-Type-Options", "nosniff")
	for name, values := range a.header {
		head[name] = values
	}
	head.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the caller may be gone; nothing is left to do
}

// cut resets the connection so that the caller sees an error, not an empty answer.
func cut(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
