package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// errCrash is what a crashed process would not live to see.
var errCrash = errors.New("crashed")

// crash makes Redis unreachable from a chosen command on, as if the process had
// died there: also the writes by which it would clean up are lost.
type crash struct {
	armed   atomic.Bool
	left    atomic.Int64 // commands that still work
	reached atomic.Bool
}

func (c *crash) after(n int) {
	c.left.Store(int64(n))
	c.reached.Store(false)
	c.armed.Store(true)
}

// disarm ends the crash and reports whether there was one.
func (c *crash) disarm() bool {
	c.armed.Store(false)
	return c.reached.Swap(false)
}

func (c *crash) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *crash) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !c.armed.Load() {
			return next(ctx, cmd)
		}
		switch left := c.left.Add(-1); {
		case left < -1:
			return errCrash
		case left == -1: // carried out, but nobody learns of it
			c.reached.Store(true)
			_ = next(ctx, cmd)
			cmd.SetErr(errCrash)
			return errCrash
		}
		return next(ctx, cmd)
	}
}

func (c *crash) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if c.armed.Load() && c.left.Load() <= 0 {
			c.reached.Store(true)
			for _, cmd := range cmds {
				cmd.SetErr(errCrash)
			}
			return errCrash
		}
		return next(ctx, cmds)
	}
}

// model is what the test knows: which offers were asked for.
type model struct {
	*bundle
	rt    *rapid.T
	crash *crash
	asked map[sponsorship.ID]map[string]int
	doom  int // commands after which the next intake job crashes; 0 is never

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

// deliver runs an intake job until it ends, as the queue would: over crashes.
func (m *model) deliver(run func() error) error {
	if m.doom > 0 {
		m.crash.after(m.doom - 1)
		m.doom = 0
	}
	for range 20 {
		err := run()
		if m.crash.disarm() {
			continue
		}
		return err
	}
	m.rt.Fatal("a job does not come to an end")
	return nil
}

// ask runs a job and notes the offer it asked for, if it was accepted.
func (m *model) ask(id sponsorship.ID, offer string, run func() error) {
	before := m.read(id)
	err := m.deliver(run)
	after := m.read(id)
	if err != nil && !jobs.IsRefused(err) {
		m.rt.Fatalf("intake: %v", err)
	}
	if offer != "" && (after.Email == offer && before.Email != offer || !before.Exists() && after.Exists()) {
		if m.asked[id] == nil {
			m.asked[id] = map[string]int{}
		}
		m.asked[id][offer]++
	}
}

func (m *model) read(id sponsorship.ID) sponsorship.Sponsorship {
	found, err := m.ledger.Get(m.t.Context(), org, id)
	if err != nil {
		m.rt.Fatal(err)
	}
	return found[0]
}

func (m *model) redeemOne() {
	n, to := m.draw("member", people), address(m.draw("address", 3))
	args := jobs.Redeem{OrganizationID: org, OrganizationUserID: user(n), SponsoredEmail: to, AdminInitiated: m.draw("admin", 4) == 0}
	job := jobs.Job[jobs.Redeem]{ID: m.jobID(), Args: args}
	m.ask(args.SponsorshipID(), to, func() error { return m.intake.Redeem(m.t.Context(), job) })
}

func (m *model) changeOne() {
	n := m.draw("member", people)
	args := jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: user(n)}
	switch m.draw("change", 3) {
	case 0:
		args.Revoke = true
	case 1:
		args.SponsoredEmail = address(m.draw("address", 3))
	default:
		args.FriendlyName = fmt.Sprint("label ", m.draw("label", 3))
	}
	job := jobs.Job[jobs.ChangeSponsorship]{ID: m.jobID(), Args: args}
	m.ask(args.OrganizationUserID, args.SponsoredEmail, func() error { return m.intake.ChangeSponsorship(m.t.Context(), job) })
}

// syncOne runs a sync that may crash; its lease then runs out.
func (m *model) syncOne(run func() error) {
	_ = run()
	if m.crash.disarm() {
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
	faults := []cloudtest.Fault{
		cloudtest.LostAnswer(), cloudtest.LostAnswer(), cloudtest.Reset(), cloudtest.Unavailable(), cloudtest.BadGateway(),
		cloudtest.ServerError(), cloudtest.EdgeBlock(), cloudtest.RateLimitedFor(1), cloudtest.Unauthorized(), cloudtest.HTML(),
	}
	m.cloud.Inject(faults[m.draw("fault", len(faults))].For(m.remote.ID).After(m.draw("skip", 3)))
}

// meddle changes something while the next request is under way.
func (m *model) meddle() {
	what := m.draw("meddle", 3)
	var once atomic.Bool
	m.cloud.OnSync(func(context.Context, cloudtest.Request) {
		if m.crash.armed.Load() || !once.CompareAndSwap(false, true) {
			return
		}
		switch what {
		case 0:
			m.redeemOne()
		case 1:
			m.changeOne()
		case 2:
			m.acceptOne()
		}
	})
	m.syncOne(m.pending)
	m.cloud.OnSync(nil)
}

// fullOne is a full sync; a plan that may not sponsor is put right in time.
func (m *model) fullOne() {
	o, _ := m.cloud.Organization(m.remote.ID)
	switch m.silences++; {
	case o.PlanType == cloudtest.PlanEnterprise:
		m.silences = 0
	case m.silences > 5:
		m.plan(cloudtest.PlanEnterprise)
	}
	m.syncOne(m.full)
}

func (m *model) plan(planType int) {
	m.cloud.UpdateOrganization(m.remote.ID, func(o *cloudtest.Organization) { o.PlanType = planType })
}

func (m *model) actions() map[string]func(*rapid.T) {
	do := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
	return map[string]func(*rapid.T){
		"redeem": do(m.redeemOne), "redeem too": do(m.redeemOne),
		"change": do(m.changeOne), "change too": do(m.changeOne),
		"pending": do(func() { m.syncOne(m.pending) }), "full": do(func() { m.fullOne() }),
		"accept": do(m.acceptOne), "fault": do(m.fault), "meddle": do(m.meddle),
		"crash in sync": do(func() {
			if !m.downgrades {
				m.crash.after(m.draw("commands", 12))
			}
			m.syncOne(m.full)
		}),
		"crash in intake": do(func() {
			m.doom = 1 + m.draw("commands", 3)
			m.redeemOne()
		}),
		"downgrade": do(func() {
			if m.downgrades {
				m.plan(cloudtest.PlanTeams)
			}
		}),
		"upgrade":       do(func() { m.plan(cloudtest.PlanEnterprise) }),
		"tokens expire": do(m.cloud.ExpireTokens),
		"time passes":   do(func() { m.clockOff.Add(int64(2 * time.Hour)) }),
	}
}

// heal takes every obstacle away and syncs until it is quiet.
func (m *model) heal() {
	m.cloud.ClearFaults()
	m.plan(cloudtest.PlanEnterprise)
	m.expireLease()
	m.afterGrace()
	for range 3 {
		if err := m.full(); err != nil {
			m.rt.Fatalf("sync after healing: %v", err)
		}
	}
}

func TestPropertyOfTheWhole(t *testing.T) {
	t.Parallel()
	until := time.Now()
	if soak := os.Getenv("SPONSORSYNC_TEST_SOAK"); soak != "" {
		d, err := time.ParseDuration(soak)
		jobstest.Must(t, err)
		until = until.Add(d)
	}
	b := setup(t).with(func(p *reconcile.Params) { p.BatchSize = 3 })
	c := &crash{}
	b.rdb.AddHook(c)
	for rounds := 0; rounds == 0 || time.Now().Before(until) && !t.Failed(); rounds++ {
		rapid.Check(t, func(rt *rapid.T) { story(rt, b, c) })
	}
}

func story(rt *rapid.T, b *bundle, c *crash) {
	c.disarm()
	b.cloud.ClearFaults()
	b.cloud.OnSync(nil)
	jobstest.Must(b.t, b.rdb.FlushAll(b.t.Context()).Err())
	b.remote = b.cloud.AddOrganization()
	jobstest.Must(b.t, b.ledger.Connect(b.t.Context(), org, b.connection()))
	m := &model{bundle: b, rt: rt, crash: c, asked: map[sponsorship.ID]map[string]int{}}
	m.downgrades = rapid.Bool().Draw(rt, "downgrades")
	rt.Repeat(m.actions())
	m.heal()
	m.checkAgreement()
	m.checkMails()
	m.checkEvents()
	if n := m.cloud.Stats().Sync[m.remote.ID].MaxInFlight; n > 1 {
		rt.Fatalf("%d requests of one organization at once", n)
	}
}
