package cloudtest

import (
	"context"
	"sync"
)

// Stage is a place within a request where a Gate can hold it.
type Stage int

const (
	// BeforeEffect is when the request has arrived, but the cloud has not read
	// its body: a caller that gives up here leaves no trace.
	BeforeEffect Stage = iota
	// Loaded is after a sync has loaded the organization's rows and worked out
	// what to write, before it writes. No lock is held. From here on the cloud
	// goes on whether the caller is there or not.
	Loaded
	// Inserted is after a sync has written its rows, before it mails.
	Inserted
	// AfterEffect is after everything is stored and mailed, before the answer. A
	// caller that gives up here has lost an answer.
	AfterEffect
)

// Gate holds sync requests at a stage until it is released.
type Gate struct {
	stage   Stage
	match   func(Request) bool
	arrived chan Request
	open    chan struct{}
	once    sync.Once
}

// Hold closes a gate for the sync requests that match (nil: all). Close of the
// cloud ends what is held; so does a caller that gives up, for itself, at
// BeforeEffect and AfterEffect.
func (c *Cloud) Hold(stage Stage, match func(Request) bool) *Gate {
	g := &Gate{stage: stage, match: match, arrived: make(chan Request, 1024), open: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gates = append(c.gates, g)
	return g
}

// Wait returns the next request that has come to a halt at the gate.
func (g *Gate) Wait(ctx context.Context) (Request, error) {
	select {
	case r := <-g.arrived:
		return r, nil
	case <-ctx.Done():
		return Request{}, ctx.Err()
	}
}

// Release opens the gate for good. It may be called more than once.
func (g *Gate) Release() { g.once.Do(func() { close(g.open) }) }

func (g *Gate) holds(stage Stage, r Request) bool {
	select {
	case <-g.open:
		return false
	default:
		return g.stage == stage && r.Path == PathSync && (g.match == nil || g.match(r))
	}
}

// pass waits at every closed gate; false means that ctx ended first.
func (c *Cloud) pass(ctx context.Context, stage Stage, r Request) bool {
	c.mu.Lock()
	gates := append([]*Gate(nil), c.gates...)
	c.mu.Unlock()
	for _, g := range gates {
		if !g.holds(stage, r) {
			continue
		}
		select {
		case g.arrived <- r.clone():
		default: // nobody counts that many arrivals; the request is held all the same
		}
		select {
		case <-g.open:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
