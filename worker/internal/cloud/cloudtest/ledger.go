package cloudtest

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// Request is one entry of the ledger. Status is 0 until the caller is answered,
// and forever when the connection was cut instead.
type Request struct {
	Seq            int       `json:"seq"`
	Method         string    `json:"method"`
	Path           string    `json:"path"`
	At             time.Time `json:"at"`
	InstallationID string    `json:"installationId"` // of a valid token
	OrganizationID string    `json:"organizationId"` // the cloud's id, as sent
	Rows           []SyncRow `json:"rows"`           // of a sync whose body could be read
	Status         int       `json:"status"`
	// EndedAt is when the cloud was done with it, zero while it is at work. That
	// may be long after the caller was answered or hung up.
	EndedAt time.Time `json:"endedAt"`
	// Effect tells whether the cloud carried the request out: a token or license
	// was issued, or rows were processed, whatever the caller was told.
	Effect bool `json:"effect"`
}

// RowKeys lists the organization-user ids sent, in order.
func (r Request) RowKeys() []string {
	keys := make([]string, len(r.Rows))
	for i, row := range r.Rows {
		keys[i] = row.OrganizationUserID
	}
	return keys
}

func (r Request) clone() Request {
	r.Rows = slices.Clone(r.Rows)
	return r
}

// Traffic counts requests. One is in flight from its arrival until the cloud is
// done with it, just before its answer: a caller that waits for answers never
// seems to overlap itself, one that hangs up and asks again may.
type Traffic struct {
	Requests    int `json:"requests"`
	InFlight    int `json:"inFlight"`
	MaxInFlight int `json:"maxInFlight"`
}

// Stats are the counters since the start.
type Stats struct {
	Total       Traffic            `json:"total"`
	Paths       map[string]Traffic `json:"paths"`
	Sync        map[string]Traffic `json:"sync"`        // by organization
	RateLimited int                `json:"rateLimited"` // 429s served by the limits, not by faults
}

type ledger struct {
	requests []Request
	stats    Stats
}

func newLedger() ledger {
	return ledger{stats: Stats{Paths: map[string]Traffic{}, Sync: map[string]Traffic{}}}
}

func (l *ledger) open(r Request) Request {
	r.Seq = len(l.requests) + 1
	l.requests = append(l.requests, r)
	l.count(r, Traffic.begin)
	return r
}

func (l *ledger) at(r Request) *Request { return &l.requests[r.Seq-1] }

func (l *ledger) count(r Request, step func(Traffic) Traffic) {
	l.stats.Total = step(l.stats.Total)
	l.stats.Paths[r.Path] = step(l.stats.Paths[r.Path])
	if r.Path == PathSync {
		l.stats.Sync[r.OrganizationID] = step(l.stats.Sync[r.OrganizationID])
	}
}

func (t Traffic) begin() Traffic {
	t.Requests++
	t.InFlight++
	t.MaxInFlight = max(t.MaxInFlight, t.InFlight)
	return t
}

func (t Traffic) end() Traffic {
	t.InFlight--
	return t
}

// close ends an entry. Its status is set when its caller is told.
func (l *ledger) close(r Request, now time.Time) {
	l.at(r).EndedAt = now
	l.count(r, Traffic.end)
}

// Requests lists every request that arrived, control requests excepted.
func (c *Cloud) Requests() []Request {
	return c.requests(func(Request) bool { return true })
}

// SyncRequests lists the sync requests.
func (c *Cloud) SyncRequests() []Request {
	return c.requests(func(r Request) bool { return r.Path == PathSync })
}

// TokenRequests lists the requests to identity.
func (c *Cloud) TokenRequests() []Request {
	return c.requests(func(r Request) bool { return r.Path == PathToken && r.Method == http.MethodPost })
}

func (c *Cloud) requests(keep func(Request) bool) []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := []Request{}
	for _, r := range c.ledger.requests {
		if keep(r) {
			kept = append(kept, r.clone())
		}
	}
	return kept
}

// Stats returns a copy of the counters.
func (c *Cloud) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.ledger.stats
	stats.Paths, stats.Sync = maps.Clone(stats.Paths), maps.Clone(stats.Sync)
	return stats
}
