package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/internal/crash"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	engines "github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
	"github.com/sponsorsync/sponsorsync/worker/workertest"
)

// site is a server with its vault, and what stands beside it.
type site struct {
	*workertest.Site
	t       *testing.T
	story   *story
	vault   *vaulttest.Vault
	script  *vaulttest.Script
	org     sponsorship.ID
	remote  string // the organization's id at the cloud
	token   string
	sealer  *state.Sealer
	ledger  *state.Ledger
	queue   *enqueue.Client
	workers []*workertest.Worker

	bridge  *bridge.Bridge
	memory  *memory.Store
	crash   *crash.Hook // of the bridge
	source  *unsteady
	bridges int
	sent    int // jobs of all bridges
	wrote   int // rows of the vault
}

func newSite(t *testing.T, s *story) *site {
	t.Helper()
	w := &site{Site: workertest.New(t, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), t: t, story: s}
	w.sealer = jobstest.Value(state.NewSealer(make([]byte, 32)))(t)
	w.ledger, w.queue, w.memory = w.Ledger(w.sealer), w.Queue(), memory.New(w.Redis, w.sealer)
	w.vault = vaulttest.New(t, s.course.engine, vaulttest.Setup{Clock: w.Now, Seed: s.seed, SQLServerManners: s.course.sqlServer})
	weights := vaulttest.DefaultWeights()
	weights[vaulttest.Dating] = 0 // nobody writes dates but the official job, and that is off
	w.script = jobstest.Value(vaulttest.NewScript(t.Context(), w.vault, s.seed, weights))(t)
	w.org = sponsorship.ID(w.script.Organization())
	remote := w.Cloud.AddOrganization()
	w.remote, w.token = remote.ID, remote.BillingSyncKey
	for range 2 {
		w.workers = append(w.workers, w.Worker(w.sealer))
	}
	w.newBridge()
	t.Cleanup(func() { jobstest.Must(t, w.source.close()) })
	return w
}

// targetOf is the vault's database as the server's settings name it.
func targetOf(t testing.TB, v *vaulttest.Vault) connstring.Target {
	t.Helper()
	engine := jobstest.Value(connstring.Provider(v.Provider()))(t)
	return jobstest.Value(connstring.Parse(engine, v.ConnectionString()))(t)
}

// newBridge starts a bridge in the place of the one there was, which has died.
func (w *site) newBridge() {
	w.t.Helper()
	if w.source != nil {
		jobstest.Must(w.t, w.source.close())
	}
	opened := jobstest.Value(engines.Open(engines.Options{Target: targetOf(w.t, w.vault), Now: w.Now, Writes: w.story.course.full}))(w.t)
	w.source = &unsteady{Database: opened, close: opened.Close, meanwhile: w.story.meanwhile, write: w.story.write}
	rdb, hook := w.Connect()
	w.crash = hook
	w.bridges++
	w.bridge = bridge.New(bridge.Params{
		Database: w.source, Queue: noting{bridge.NewQueue(enqueue.New(rdb, enqueue.Options{Now: w.Now})), w.story},
		Ledger: state.New(rdb, w.sealer), Memory: memory.New(rdb, w.sealer),
		Rules:    merge.Rules{Grace: 2 * time.Minute, DatesByJob: w.story.course.sqlServer, Writes: w.story.course.full},
		Holder:   memory.Holder{Token: string(rune('a' + w.bridges%20)), Mode: "read"},
		Interval: 5 * time.Second, Now: w.Now,
	})
}

// unsteady is the vault's database, which may be away.
type unsteady struct {
	bridge.Database
	close     func() error
	away      int    // so many calls fail
	meanwhile func() // what happens while the bridge has read and not acted yet
	write     func(write func() (vault.Outcome, error), w vault.Write) (vault.Outcome, error)
}

var errAway = fault.New(fault.BridgeDatabaseUnavailable, "the database is away")

func (u *unsteady) Changed(ctx context.Context) ([]sponsorship.ID, error) {
	if u.away > 0 {
		u.away--
		return nil, errAway
	}
	return u.Database.Changed(ctx)
}

func (u *unsteady) Read(ctx context.Context, org sponsorship.ID) (vault.Snapshot, error) {
	if u.away > 0 {
		u.away--
		return vault.Snapshot{}, errAway
	}
	defer u.meanwhile()
	return u.Database.Read(ctx, org)
}

func (u *unsteady) Write(ctx context.Context, org sponsorship.ID, w vault.Write) (vault.Outcome, error) {
	if u.away > 0 {
		u.away--
		return "", errAway
	}
	return u.write(func() (vault.Outcome, error) { return u.Database.Write(ctx, org, w) }, w)
}

// noting notes the jobs that a bridge sends.
type noting struct {
	bridge.Queue
	story *story
}

func (q noting) Send(ctx context.Context, all []merge.Job) error {
	q.story.sent += len(all)
	for _, job := range all {
		q.story.note("  job %.8s of row %.8s: %s", job.ID, job.Row, wish(job))
	}
	err := q.Queue.Send(ctx, all)
	if err != nil {
		q.story.note("  they could not all be sent: %v", err)
	}
	return err
}

func wish(job merge.Job) string {
	switch a := job.Args.(type) {
	case jobs.Redeem:
		return "redeem " + a.SponsoredEmail
	case jobs.Adopt:
		return fmt.Sprintf("adopt %s, to be revoked %t", a.SponsoredEmail, a.Revoke)
	case jobs.ChangeSponsorship:
		return fmt.Sprintf("change to %q %q, revoke %t", a.SponsoredEmail, a.FriendlyName, a.Revoke)
	}
	return ""
}

// preview is what a look would do now.
func (w *site) preview() merge.Plan {
	w.t.Helper()
	meanwhile := w.source.meanwhile
	w.source.meanwhile = func() {}
	defer func() { w.source.meanwhile = meanwhile }()
	var seen bridge.Preview
	jobstest.Eventually(w.t, jobstest.Timeout, func() (done bool) { // the machine may be busy
		var err error
		seen, err = w.bridge.Preview(w.t.Context(), w.org, nil)
		return err == nil
	})
	return seen.Plan
}

// round is one that comes to its end, unless another bridge's lease is not over yet or the
// machine is so busy that the database seems away.
func (w *site) round() {
	w.t.Helper()
	err := w.bridge.Once(w.t.Context())
	if err != nil && !errors.Is(err, bridge.ErrElsewhere) && fault.CodeOf(err) != fault.BridgeDatabaseUnavailable {
		w.t.Fatal(err)
	}
	w.story.note("the bridge looks: %v", err)
}

// entries are what the ledger has, by key.
func (w *site) entries() map[sponsorship.ID]sponsorship.Sponsorship {
	w.t.Helper()
	rows, _, err := w.ledger.List(w.t.Context(), w.org, state.Page{Limit: 1000})
	jobstest.Must(w.t, err)
	all := map[sponsorship.ID]sponsorship.Sponsorship{}
	for _, s := range rows {
		all[s.UserID] = s
	}
	return all
}

func (w *site) holds() []state.Hold {
	w.t.Helper()
	o, _, err := w.ledger.Organization(w.t.Context(), w.org)
	jobstest.Must(w.t, err)
	if o.Bridge == nil {
		return nil
	}
	return o.Bridge.Held
}

// sync is a full sync that a person starts.
func (w *site) sync() {
	w.t.Helper()
	jobstest.Value(w.queue.Enqueue(w.t.Context(), jobs.Sync{OrganizationID: w.org, OfficialJobOff: true}))(w.t)
}
