package reconcile_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// TestMain gives the property test a fixed budget; a soak takes rapid's own.
func TestMain(m *testing.M) {
	if os.Getenv("SPONSORSYNC_TEST_SOAK") == "" {
		_ = flag.Set("rapid.checks", "15")
	}
	goleak.VerifyTestMain(m)
}

const org = sponsorship.ID("10000000-0000-4000-8000-000000000001")

func user(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n))
}

// life is how long the cloud may be at work on a request.
const life = 6 * time.Minute

func address(n int) string { return fmt.Sprintf("member%d@example.com", n) }

// bundle is one organization between a ledger and a simulated cloud.
type bundle struct {
	t        *testing.T
	cloud    *cloudtest.Cloud
	server   *miniredis.Miniredis
	remote   cloudtest.Organization
	account  cloudtest.Installation
	rdb      redis.UniversalClient
	ledger   *ledger.Ledger
	intake   *intake.Intake
	sync     *reconcile.Reconciler
	params   reconcile.Params
	wakes    atomic.Int64
	jobs     int
	clockOff clockOff // of the cloud and of the ledger
	looks    atomic.Int64
}

// clockOff is how much time has gone by that did not.
type clockOff struct {
	atomic.Int64
	b *bundle
}

func (c *clockOff) Store(off int64) { c.Add(off - c.Load()) }

func (c *clockOff) Add(d int64) {
	c.b.t.Helper()
	c.Int64.Add(d)
	jobstest.Must(c.b.t, jobstest.Ledger{Redis: c.b.rdb}.Advance(c.b.t.Context(), time.Duration(d)))
	jobstest.Must(c.b.t, c.b.ledger.Beat(c.b.t.Context()))
}

// now is a millisecond later at each look: the ledger keeps milliseconds, and a
// row confirmed in the very one in which a full sync starts counts as fresh.
func (b *bundle) now() time.Time {
	return time.Now().UTC().Add(time.Duration(b.clockOff.Load()) + time.Duration(b.looks.Add(1))*time.Millisecond)
}

// afterGrace lets the time go by in which the cloud may still be at work on a
// request that got no answer.
func (b *bundle) afterGrace() {
	b.t.Helper()
	b.clockOff.Add(int64(life + 2*time.Second))
}

func (b *bundle) Wake(context.Context, sponsorship.ID, string) error {
	b.wakes.Add(1)
	return nil
}

func newIntake(b *bundle) *intake.Intake {
	b.t.Helper()
	made, err := intake.New(intake.Params{
		Ledger: b.ledger, Waker: b, Line: enqueue.NewSystem(enqueue.New(b.rdb, enqueue.Options{})),
	})
	jobstest.Must(b.t, err)
	return made
}

func (b *bundle) newLedger(rdb redis.UniversalClient) *ledger.Ledger {
	b.t.Helper()
	return ledger.New(rdb, jobstest.Value(state.NewSealer(make([]byte, 32)))(b.t))
}

// newClient is one of a worker whose wall clock is wrong by skew.
func (b *bundle) newClient(skew time.Duration) *cloud.Client {
	b.t.Helper()
	client, err := cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: b.cloud.URL(), APIURI: b.cloud.URL(),
			InstallationID: b.account.ID, InstallationKey: secret.Text(b.account.Key), Timeout: 10 * time.Second,
			OutagesToOpen: 1 << 30, // the breaker has tests of its own
		},
		Limiter: noLimit{}, Now: func() time.Time { return b.now().Add(skew) }, Rand: func() float64 { return 0.5 }, Log: zerolog.Nop(),
	})
	jobstest.Must(b.t, err)
	return client
}

// noLimit lets every request pass.
type noLimit struct{}

func (noLimit) Wait(context.Context, cloud.Lane) error      { return nil }
func (noLimit) PauseUntil(context.Context, time.Time) error { return nil }

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t}
	b.cloud = cloudtest.New(cloudtest.Options{Now: b.now})
	jobstest.Must(t, b.cloud.Start())
	t.Cleanup(func() { _ = b.cloud.Close() })
	b.account = b.cloud.AddInstallation()
	b.remote = b.cloud.AddOrganization()

	b.server = miniredis.RunT(t)
	b.rdb = redis.NewClient(&redis.Options{Addr: b.server.Addr()})
	t.Cleanup(func() { _ = b.rdb.Close() })
	b.ledger = b.newLedger(b.rdb)
	b.clockOff.b = b
	b.intake = newIntake(b)

	client := b.newClient(0)
	t.Cleanup(client.Close)
	var tokens atomic.Int64
	b.params = reconcile.Params{
		Ledger: b.ledger, Cloud: client, BatchSize: 1000, Life: life, Interval: 24 * time.Hour,
		Curve: jobs.Curve{Base: time.Second, Max: time.Hour}, Now: b.now, Rand: func() float64 { return 0.5 },
		NewToken: func() string { return fmt.Sprint("lease-", tokens.Add(1)) }, Log: zerolog.Nop(),
	}
	b.sync = jobstest.Value(reconcile.New(b.params))(t)
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, b.connection()))
	return b
}

func (b *bundle) connection() state.Connection {
	return state.Connection{CloudOrganizationID: sponsorship.ID(b.remote.ID), BillingSyncToken: secret.Text(b.remote.BillingSyncKey)}
}

// with replaces the reconciler by one with other parameters.
func (b *bundle) with(edit func(*reconcile.Params)) *bundle {
	b.t.Helper()
	edit(&b.params)
	var err error
	b.sync, err = reconcile.New(b.params)
	jobstest.Must(b.t, err)
	return b
}

func (b *bundle) jobID() string {
	b.jobs++
	return fmt.Sprint("job-", b.jobs)
}

func (b *bundle) redeem(n int) {
	b.t.Helper()
	jobstest.Must(b.t, b.intake.Redeem(b.t.Context(), jobs.Job[jobs.Redeem]{ID: b.jobID(), Args: jobs.Redeem{
		OrganizationID: org, OrganizationUserID: user(n), SponsoredEmail: address(n),
	}}))
}

func (b *bundle) change(n int, edit func(*jobs.ChangeSponsorship)) error {
	args := jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: user(n)}
	edit(&args)
	return b.intake.ChangeSponsorship(b.t.Context(), jobs.Job[jobs.ChangeSponsorship]{ID: b.jobID(), Args: args})
}

func revoke(a *jobs.ChangeSponsorship) { a.Revoke = true }
func readdress(to string) func(*jobs.ChangeSponsorship) {
	return func(a *jobs.ChangeSponsorship) { a.SponsoredEmail = to }
}
func relabel(a *jobs.ChangeSponsorship) { a.FriendlyName = "label" }

// full is a person's sync with a new job, pending a wake-up.
func (b *bundle) full() error    { return b.sync.Full(b.t.Context(), org, b.jobID(), ledger.Manual) }
func (b *bundle) pending() error { return b.sync.Pending(b.t.Context(), org) }

func (b *bundle) mustFull() {
	b.t.Helper()
	jobstest.Must(b.t, b.full())
}

// mustScheduled is the daily sync.
func (b *bundle) mustScheduled() {
	b.t.Helper()
	jobstest.Must(b.t, b.sync.Full(b.t.Context(), org, b.jobID(), ledger.Scheduled))
}

func (b *bundle) mustPending() {
	b.t.Helper()
	jobstest.Must(b.t, b.pending())
}

func (b *bundle) get(n int) sponsorship.Sponsorship {
	b.t.Helper()
	found, err := b.ledger.Get(b.t.Context(), org, user(n))
	jobstest.Must(b.t, err)
	return found[0]
}

func (b *bundle) organization() state.Organization {
	b.t.Helper()
	o, _, err := b.ledger.Organization(b.t.Context(), org)
	jobstest.Must(b.t, err)
	return o
}

// is checks status, intent and reason of one sponsorship.
func (b *bundle) is(n int, want string) {
	b.t.Helper()
	if got := describe(b.get(n)); got != want {
		b.t.Fatalf("sponsorship %d is %s, want %s", n, got, want)
	}
}

func describe(s sponsorship.Sponsorship) string {
	text := string(s.Status)
	if s.Intent != "" {
		text += "(" + string(s.Intent) + ")"
	}
	if s.Reason != nil {
		text += " " + string(s.Reason.Code)
	}
	return text
}

func (b *bundle) mails(n int) int { return len(b.cloud.MailsTo(address(n))) }

// story returns the statuses that the outbox tells of one sponsorship, in order.
func (b *bundle) story(n int) []string {
	b.t.Helper()
	var told []string
	last := uint64(0)
	for _, e := range b.outbox() {
		event, err := events.Decode[events.Sponsorship](e.Payload)
		if err != nil || event.Data.OrganizationUserID != user(n) {
			continue
		}
		if event.Data.Revision <= last {
			b.t.Fatalf("revision %d follows %d", event.Data.Revision, last)
		}
		last = event.Data.Revision
		told = append(told, string(event.Data.To))
	}
	return told
}

func (b *bundle) outbox() []ledger.OutboxEntry {
	b.t.Helper()
	entries, err := b.ledger.ReadOutbox(b.t.Context(), state.Shard(org), 10000, -1)
	jobstest.Must(b.t, err)
	return entries
}

// syncEvents returns the types of the organization's sync events, in order.
func (b *bundle) syncEvents() []events.Event[events.Sync] {
	var all []events.Event[events.Sync]
	for _, e := range b.outbox() {
		if event, err := events.Decode[events.Sync](e.Payload); err == nil {
			all = append(all, event)
		}
	}
	return all
}

// failOnce lets one wake-up fail.
func (b *bundle) failOnce() {
	b.t.Helper()
	b.cloud.Inject(cloudtest.BadGateway())
	_ = b.pending()
	if b.organization().LastError == nil {
		b.t.Fatal("the attempt did not fail")
	}
}

// whenSent is told once, before the cloud acts on a request that holds the key.
func (b *bundle) whenSent(key string, do func()) func(context.Context, cloudtest.Request) {
	var once sync.Once
	return func(_ context.Context, r cloudtest.Request) {
		if slices.Contains(r.RowKeys(), key) {
			once.Do(do)
		}
	}
}
