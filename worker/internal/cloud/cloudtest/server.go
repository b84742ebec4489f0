package cloudtest

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// The three endpoints. PathLicense is a prefix: the cloud's organization id follows.
const (
	PathToken   = "/connect/token"
	PathSync    = "/organization/sponsorship/sync"
	PathLicense = "/licenses/organization/"
)

const (
	controlPrefix = "/_control/"
	maxBody       = 30_000_000 // bytes, the web server's default (PROTOCOL.md 2.7)
)

// exchange is one request on its way through the cloud.
type exchange struct {
	request *http.Request
	body    []byte
	bodyErr error // reading the body ended in this
	entry   Request
	sync    syncRequest // bound body of a sync
	bind    *APIError   // why the body of a sync could not be bound
	fault   *Fault      // taken for this request, if any
	// ctx ends with the caller until the caller has got an answer of its own,
	// then with the cloud.
	ctx      context.Context
	replies  chan answer // what the caller is told; only the first counts
	answered bool
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
	c.handlers.Add(1)
	go c.work(ex)
	c.write(w, r, <-ex.replies)
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
	ex := &exchange{
		request: r, ctx: r.Context(), replies: make(chan answer, 1),
		entry: Request{Method: r.Method, Path: canonical(r.URL.Path), At: c.now()},
	}
	ex.body, ex.bodyErr = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	_, _ = io.Copy(io.Discard, r.Body) // so that an answer to an oversize body is not reset
	switch path := ex.entry.Path; {
	case path == PathSync:
		ex.sync, ex.bind = bindSync(ex)
		ex.entry.OrganizationID = ex.sync.organizationID
		ex.entry.Rows = ex.sync.sent()
	case strings.HasPrefix(path, PathLicense):
		ex.entry.OrganizationID = strings.TrimPrefix(path, PathLicense)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if bearer, err := c.readToken(r); err == nil {
		ex.entry.InstallationID = bearer.installation
	}
	ex.entry = c.ledger.open(ex.entry)
	return ex
}

// canonical spells an API path as the constants do: the API takes any letter
// case and one slash at the end.
func canonical(path string) string {
	folded := strings.ToLower(strings.TrimSuffix(path, "/"))
	if folded == PathSync || strings.HasPrefix(folded, PathLicense) {
		return folded
	}
	return path
}

func (c *Cloud) route(ex *exchange) answer {
	path, method := ex.entry.Path, ex.request.Method
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

// OnSync sets a hook that runs when a sync request has arrived, before the cloud
// does anything for it, so that a test can change things mid-request. Nil removes it.
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
