package reconcile_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// floats is a request that the cloud is at work on while nobody waits for it.
type floats struct{ gate *cloudtest.Gate }

// hangUp lets a worker's request reach the cloud, which has loaded the rows and has
// not inserted yet. Others go on meanwhile; then the worker is killed, or hangs up,
// or has lost its lease and waits all the same.
func (m *model) hangUp() {
	h, how := m.anyHand(), m.draw("how", 3)
	m.calm(h)
	var first atomic.Int64
	gate := m.cloud.Hold(cloudtest.Loaded, func(r cloudtest.Request) bool {
		return len(r.Rows) > 0 && (first.CompareAndSwap(0, int64(r.Seq)) || first.Load() == int64(r.Seq))
	})
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	over := make(chan struct{})
	reached, stop := context.WithCancel(m.t.Context())
	defer stop()
	go func() {
		defer close(over)
		defer stop()
		_ = h.sync.Pending(ctx, org)
	}()
	if _, err := gate.Wait(reached); err != nil { // there was nothing to send
		<-over
		gate.Release()
		return
	}
	if m.draw("meanwhile", 2) == 0 {
		m.wishes()
		m.deliverOne()
	}
	switch how {
	case 0: // killed
		h.crash.After(0)
		cancel()
		<-over
		h.crash.Disarm()
		m.expireLease()
	case 1: // a timeout, a deploy
		cancel()
		<-over
	default:
		m.expireLease()
		m.syncBy(m.other(h), m.draw("full", 2) == 0)
		gate.Release()
		<-over
		return
	}
	m.floating = append(m.floating, floats{gate})
}

func (m *model) other(h *hand) *hand {
	if m.hands[0] == h {
		return m.hands[1]
	}
	return m.hands[0]
}

// land lets the cloud finish what it is at work on.
func (m *model) land() {
	for _, f := range m.floating {
		f.gate.Release()
	}
	m.floating = nil
	jobstest.Eventually(m.t, jobstest.Timeout, func() bool { return m.cloud.Stats().Sync[m.remote.ID].InFlight == 0 })
}

// passes lets time go by, in which the cloud has come to its end.
func (m *model) passes(d time.Duration) {
	if d >= life {
		m.land()
	}
	m.clockOff.Add(int64(d))
}

// jump is a Redis whose clock is wrong for a while. The cloud may be at work.
func (m *model) jump() {
	by := []time.Duration{time.Hour, 400 * day, -time.Hour}[m.draw("jump", 3)]
	m.server.SetTime(time.Now().Add(by))
	m.syncBy(m.anyHand(), m.draw("full", 2) == 0)
	m.deliverOne()
	m.server.SetTime(time.Time{})
	m.syncBy(m.anyHand(), m.draw("full", 2) == 0)
}
