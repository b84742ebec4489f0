package bridge_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

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

// building is a vault with a bridge that writes, a worker and the cloud.
type building struct {
	*workertest.Site
	course course
	vault  *vaulttest.Vault
	bridge *bridge.Bridge
	source *interrupted
	ledger *state.Ledger
	memory *memory.Store
	queue  *enqueue.Client
	worker *workertest.Worker
	random *rand.Rand
}

// office is an organization of it with one member of interest.
type office struct {
	*building
	t      *testing.T
	org    sponsorship.ID
	remote string
	member string
}

func newBuilding(t *testing.T, c course) *building {
	t.Helper()
	b := &building{Site: workertest.New(t, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), course: c, random: rand.New(rand.NewPCG(1, 2))}
	sealer := jobstest.Value(state.NewSealer(make([]byte, 32)))(t)
	b.ledger, b.queue, b.memory, b.worker = b.Ledger(sealer), b.Queue(), memory.New(b.Redis, sealer), b.Worker(sealer)
	b.vault = vaulttest.New(t, c.engine, vaulttest.Setup{Clock: b.Now, SQLServerManners: c.sqlServer})
	opened := jobstest.Value(engines.Open(engines.Options{Target: targetOf(t, b.vault), Writes: true, Now: b.Now}))(t)
	t.Cleanup(func() { jobstest.Must(t, opened.Close()) })
	b.source = &interrupted{Database: opened, vault: b.vault}
	b.bridge = bridge.New(bridge.Params{
		Database: b.source, Queue: bridge.NewQueue(b.queue), Ledger: b.ledger, Memory: b.memory,
		Rules:  merge.Rules{Grace: 2 * time.Minute, DatesByJob: c.sqlServer, Writes: true},
		Holder: memory.Holder{Token: "a", Mode: "full"}, Interval: time.Second, Now: b.Now,
	})
	return b
}

// interrupted is the vault's database, to which others do something just before a write of ours.
type interrupted struct {
	bridge.Database
	vault  *vaulttest.Vault
	before func()
	dump   vaulttest.Backup // from before the first write of a look
	last   vault.Outcome
}

func (i *interrupted) Write(ctx context.Context, org sponsorship.ID, w vault.Write) (vault.Outcome, error) {
	if before := i.before; before != nil {
		i.before = nil
		before()
	}
	var err error
	if i.dump == nil {
		if i.dump, err = i.vault.Backup(ctx); err != nil {
			return "", err
		}
	}
	i.last, err = i.Database.Write(ctx, org, w)
	return i.last, err
}

// office makes an organization that has been taken over, with or without its first sync.
func (b *building) office(t *testing.T, synced bool) *office {
	t.Helper()
	remote := b.Cloud.AddOrganization()
	org := jobstest.Value(b.vault.Found(t.Context(), vaulttest.Organization{Name: "Example", LicenseKey: "KEY"}))(t)
	o := &office{building: b, t: t, org: sponsorship.ID(org), remote: remote.ID}
	jobstest.Must(t, b.vault.SaveToken(t.Context(), org, remote.BillingSyncKey, remote.ID))
	for _, name := range []string{"max", "mia"} { // when the last member goes this counts as an accident
		member, _, err := b.vault.Join(t.Context(), org, vaulttest.Person{Name: name, Email: name + "@" + org + ".test", Role: vaulttest.Member})
		jobstest.Must(t, err)
		o.member = member
	}
	o.round()
	jobstest.Value(b.memory.Change(t.Context(), o.org, b.Now(), func(m merge.Memory) merge.Memory {
		m.Holds = append(m.Holds, merge.Hold{Reason: fault.HeldFirstWrite, Since: b.Now()})
		return merge.Resume(m, b.Now())
	}))(t)
	if synced {
		o.sync()
		o.drain()
	}
	return o
}

func (o *office) offer(email string) {
	o.t.Helper()
	jobstest.Must(o.t, o.vault.Offer(o.t.Context(), vaulttest.ByWebVault(o.member, o.of(email))))
}

// of makes an address one of this organization's, so that its mails can be told from those of others.
func (o *office) of(email string) string {
	return strings.Replace(email, "@", "@"+string(o.org)+".", 1)
}

func (o *office) beginOffer(email string) *vaulttest.PendingOffer {
	o.t.Helper()
	return jobstest.Value(o.vault.BeginOffer(o.t.Context(), vaulttest.ByWebVault(o.member, o.of(email))))(o.t)
}

func (o *office) beginRevoke() *vaulttest.PendingRevoke {
	o.t.Helper()
	return jobstest.Value(o.vault.BeginRevoke(o.t.Context(), o.member))(o.t)
}

func (o *office) enqueue(args jobs.Args) {
	o.t.Helper()
	jobstest.Value(o.queue.Enqueue(o.t.Context(), args))(o.t)
}

func (o *office) sync() { o.enqueue(jobs.Sync{OrganizationID: o.org, OfficialJobOff: true}) }

// drain lets the worker do all there is to do.
func (o *office) drain() {
	o.t.Helper()
	for n := range 100 {
		if did := jobstest.Value(o.worker.Work(o.t.Context(), o.random))(o.t); !did {
			return
		}
		if n == 99 {
			o.t.Fatalf("the worker comes to no end: %v", o.Kinds())
		}
	}
}

// answered: the bridge has looked, and the cloud has answered what it asked; the row is yet to be told.
func (o *office) answered() {
	o.t.Helper()
	o.round()
	o.drain()
}

// round is one look. It writes no column but its three.
func (o *office) round() {
	o.t.Helper()
	o.source.dump = nil
	jobstest.Must(o.t, o.bridge.Once(o.t.Context()))
	if o.source.dump != nil {
		o.requireOnlyOurs(o.source.dump, jobstest.Value(o.vault.Backup(o.t.Context()))(o.t))
	}
	o.Pass(5 * time.Second)
}

// meanwhile lets others do something between the next look and its first write, which it overtakes.
func (o *office) meanwhile(do func()) {
	o.t.Helper()
	o.source.before = do
	o.round()
	if o.source.before != nil || o.source.last != vault.Overtaken {
		o.t.Errorf("the write came out as %q", o.source.last)
	}
}

// rest goes on for longer than a row must be gone, and until each organization was looked at anew.
func (o *office) rest() {
	o.t.Helper()
	for range 3 {
		o.round()
		o.drain()
		o.Pass(3 * time.Minute)
	}
	o.round()
	if held := o.holds(); len(held) > 0 {
		o.t.Errorf("held: %+v", held)
	}
}

func (o *office) holds() []state.Hold {
	o.t.Helper()
	found, _, err := o.ledger.Organization(o.t.Context(), o.org)
	jobstest.Must(o.t, err)
	if found.Bridge == nil {
		return nil
	}
	return found.Bridge.Held
}

// requireOnlyOurs compares two dumps of all tables.
func (o *office) requireOnlyOurs(before, after vaulttest.Backup) {
	o.t.Helper()
	for table, rows := range after {
		was := map[any]vaulttest.Record{}
		for _, row := range before[table] {
			was[identity(row)] = row
		}
		for _, row := range rows {
			if was[identity(row)] == nil {
				o.t.Errorf("%s has a new row %v", table, row)
			}
			for column, value := range row {
				ours := table == "OrganizationSponsorship" && (column == "LastSyncDate" || column == "ValidUntil" || column == "ToDelete")
				if !ours && value != was[identity(row)][column] {
					o.t.Errorf("%s.%s became %v", table, column, value)
				}
			}
		}
		if len(rows) != len(before[table]) && table != "OrganizationSponsorship" {
			o.t.Errorf("%s lost rows", table)
		}
	}
}

func identity(row vaulttest.Record) any {
	if id := row["Id"]; id != nil {
		return id
	}
	return row["MigrationId"]
}

// row is the member's row as the bridge reads it, or none.
func (o *office) row() (vault.Row, bool) {
	o.t.Helper()
	s := jobstest.Value(o.source.Read(o.t.Context(), o.org))(o.t)
	if len(s.Rows) > 1 {
		o.t.Fatalf("several rows: %+v", s.Rows)
	}
	if len(s.Rows) == 0 {
		return vault.Row{}, false
	}
	return s.Rows[0], true
}

// requireRow looks at the row with the eyes of the web vault.
func (o *office) requireRow(want string) {
	o.t.Helper()
	r, there := o.row()
	got := "Requested"
	switch {
	case !there:
		got = "gone"
	case r.Marked && r.ValidUntil != nil:
		got = "Expires"
	case r.Marked:
		got = "Removed"
	case r.ValidUntil != nil:
		got = "Active"
	case r.Synced != nil:
		got = "Sent"
	}
	if got != want {
		o.t.Errorf("the web vault shows %s, want %s: %+v", got, want, r)
	}
}

// requireAgreement compares the row, the ledger and the cloud.
func (o *office) requireAgreement(want sponsorship.Status) {
	o.t.Helper()
	entry := jobstest.Value(o.ledger.Get(o.t.Context(), o.org, sponsorship.ID(o.member)))(o.t)[0]
	jobstest.Equal(o.t, "status", entry.Status, want)
	r, there := o.row()
	cloud := o.Cloud.Rows(o.remote)
	if want == sponsorship.Removed {
		if there || len(cloud) > 0 {
			o.t.Errorf("removed, and there is a row: %t %+v; the cloud has %+v", there, r, cloud)
		}
		return
	}
	if !there || len(cloud) != 1 {
		o.t.Fatalf("a row is there: %t; the cloud has %+v", there, cloud)
	}
	jobstest.Equal(o.t, "address in the ledger", entry.Email, r.Email)
	jobstest.Equal(o.t, "mark at the cloud", cloud[0].ToDelete, r.Marked)
	if !cloud[0].Redeemed() && !strings.EqualFold(cloud[0].OfferedToEmail, r.Email) { // it forgets the address of what was accepted
		o.t.Errorf("the cloud has %s, the row %s", cloud[0].OfferedToEmail, r.Email)
	}
	for _, until := range []*time.Time{entry.ValidUntil, cloud[0].ValidUntil} {
		if (until == nil) != (r.ValidUntil == nil) || until != nil && !until.Truncate(time.Microsecond).Equal(*r.ValidUntil) {
			o.t.Errorf("valid until %v, the row says %v", until, r.ValidUntil)
		}
	}
	if r.Synced == nil || r.Synced.After(o.Now()) {
		o.t.Errorf("the row was last synced %v", r.Synced)
	}
}

func (o *office) requireMails(want map[string]int) {
	o.t.Helper()
	for _, email := range []string{nan, aunt} {
		if got := len(o.Cloud.MailsTo(o.of(email))); got != want[email] {
			o.t.Errorf("%s was mailed %d times, want %d", email, got, want[email])
		}
	}
}
