package reconcile_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// model is what the test knows: which offers were asked for.
type model struct {
	*world
	rt    *rapid.T
	asked map[sponsorship.ID]map[string]int

	tickets  []*ticket // in the order in which they were acknowledged
	floating []floats  // requests that the cloud is at work on

	copy       *copied           // of the store
	restorable bool              // such things happen in this story
	restores   int               // how often a copy, or nothing, was put in its place
	stream     map[string]string // what was published, by id
	order      []ledger.OutboxEntry

	// An answer without any row, after a tombstone that got no answer, is taken
	// for "gone"; a plan that was downgraded at that very time looks the same,
	// and nothing on the wire can tell them apart. So a story has either faults
	// or downgrades.
	downgrades bool

	// Many silences in a row are taken for "gone", too: so many full syncs there
	// never are before the plan is put right.
	silences int
}

const people = 4

func (m *model) draw(label string, n int) int { return rapid.IntRange(0, n-1).Draw(m.rt, label) }

func (m *model) read(id sponsorship.ID) sponsorship.Sponsorship {
	found, err := m.ledger.Get(m.t.Context(), org, id)
	if err != nil {
		m.rt.Fatal(err)
	}
	return found[0]
}

// syncBy is a sync by one of the workers, which may crash; its lease then runs out.
func (m *model) syncBy(h *hand, full bool) {
	m.calm(h)
	if full {
		m.putRight()
		_ = h.sync.Full(m.t.Context(), org, m.jobID(), ledger.Manual)
	} else {
		_ = h.sync.Pending(m.t.Context(), org)
	}
	if h.crash.Disarm() {
		m.expireLease()
	}
}

func (m *model) expireLease() {
	for _, key := range m.rdb.Keys(m.t.Context(), "*:lease").Val() {
		m.rdb.Del(m.t.Context(), key)
	}
}

func (m *model) acceptOne() {
	n := m.draw("member", people)
	_, _ = m.cloud.Accept(m.remote.ID, string(user(n)))
}

func (m *model) fault() {
	if m.downgrades {
		return
	}
	faults := cloudtest.Weather()
	m.cloud.Inject(faults[m.draw("fault", len(faults))].For(m.remote.ID).After(m.draw("skip", 3)))
}

// meddle changes something while the next request is under way.
func (m *model) meddle() {
	what, h := m.draw("meddle", 2), m.anyHand()
	var once atomic.Bool
	m.cloud.OnSync(func(context.Context, cloudtest.Request) {
		if h.crash.Armed() || !once.CompareAndSwap(false, true) {
			return
		}
		switch what {
		case 0:
			m.wishes()
			m.deliver(m.other(h), m.open()[0])
		case 1:
			m.acceptOne()
		}
	})
	m.syncBy(h, false)
	m.cloud.OnSync(nil)
}

// putRight mends a plan that may not sponsor before too many full syncs.
func (m *model) putRight() {
	o, _ := m.cloud.Organization(m.remote.ID)
	switch m.silences++; {
	case o.PlanType == cloudtest.PlanEnterprise:
		m.silences = 0
	case m.silences > 5:
		m.plan(cloudtest.PlanEnterprise)
	}
}

func (m *model) plan(planType int) {
	m.cloud.UpdateOrganization(m.remote.ID, func(o *cloudtest.Organization) { o.PlanType = planType })
}

func (m *model) crashInSync() {
	h := m.anyHand()
	if !m.downgrades {
		h.crash.After(m.draw("commands", 12))
	}
	m.syncBy(h, true)
}

func (m *model) actions() map[string]func(*rapid.T) {
	do := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
	return map[string]func(*rapid.T){
		"wishes": do(m.wishes), "deliver": do(m.deliverOne), "deliver too": do(m.deliverOne), "drain": do(m.drain),
		"pending": do(func() { m.syncBy(m.anyHand(), false) }), "full": do(func() { m.syncBy(m.anyHand(), true) }),
		"accept": do(m.acceptOne), "fault": do(m.fault), "meddle": do(m.meddle), "crash in sync": do(m.crashInSync),
		"hang up": do(func() {
			if !m.downgrades {
				m.hangUp()
			}
		}),
		"the cloud goes on": do(m.land),
		"downgrade": do(func() {
			if m.downgrades {
				m.plan(cloudtest.PlanTeams)
			}
		}),
		"upgrade":       do(func() { m.plan(cloudtest.PlanEnterprise) }),
		"tokens expire": do(m.cloud.ExpireTokens),
		"time passes":   do(func() { m.passes([]time.Duration{time.Minute, 2 * time.Hour}[m.draw("time", 2)]) }),
		"Redis' clock": do(func() {
			if !m.restorable { // what is lost then is also by how much it was wrong
				m.jump()
			}
		}),
		"back up": do(m.backUp),
		"put back": do(func() {
			if m.restorable {
				m.putBack()
			}
		}),
	}
}

// heal takes every obstacle away and syncs until it is quiet.
func (m *model) heal() {
	m.cloud.ClearFaults()
	m.plan(cloudtest.PlanEnterprise)
	m.land()
	m.expireLease()
	m.passes(life + 2*time.Second)
	m.drain()
	for range 3 {
		h := m.anyHand()
		m.calm(h)
		if err := h.sync.Full(m.t.Context(), org, m.jobID(), ledger.Manual); err != nil {
			m.rt.Fatalf("sync after healing: %v", err)
		}
	}
	m.published()
}

func TestPropertyOfTheWhole(t *testing.T) {
	t.Parallel()
	until := time.Now()
	if soak := os.Getenv("SPONSORSYNC_TEST_SOAK"); soak != "" {
		d, err := time.ParseDuration(soak)
		jobstest.Must(t, err)
		until = until.Add(d)
	}
	w := newWorld(setup(t))
	for rounds := 0; rounds == 0 || time.Now().Before(until) && !t.Failed(); rounds++ {
		rapid.Check(t, func(rt *rapid.T) { story(rt, w) })
	}
}

func story(rt *rapid.T, w *world) {
	for _, h := range w.hands {
		h.crash.Disarm()
	}
	w.server.SetTime(time.Time{})
	w.clockOff.Int64.Store(0)
	w.cloud.ClearFaults()
	w.cloud.OnSync(nil)
	jobstest.Must(w.t, w.rdb.FlushAll(w.t.Context()).Err())
	w.remote = w.cloud.AddOrganization()
	jobstest.Must(w.t, w.ledger.Connect(w.t.Context(), org, w.connection()))
	m := &model{world: w, rt: rt, asked: map[sponsorship.ID]map[string]int{}, stream: map[string]string{}}
	defer m.land() // also of a story that failed
	m.begins()
	m.downgrades = rapid.Bool().Draw(rt, "downgrades")
	m.restorable = rapid.IntRange(0, 3).Draw(rt, "restorable") == 0
	rt.Repeat(m.actions())
	m.heal()
	m.checkRows()
	m.checkMails()
	m.checkEvents()
	m.finished()
	if m.restores == 0 {
		m.checkAgreement()
		m.checkWishes()
	}
}
