package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	engines "github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// Whatever the people of a real vault do, and wherever a bridge is killed meanwhile: at
// rest the ledger has what the vault wishes, and nothing was written to the vault. Nobody
// restores a backup here, and the official job stores nothing on these engines.
func TestAtRestTheLedgerHasWhatTheVaultWishes(t *testing.T) {
	t.Parallel()
	for _, engine := range vaulttest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(4) {
				playRandomly(t, engine, seed)
			}
		})
	}
}

func playRandomly(t *testing.T, engine vaulttest.Engine, seed uint64) {
	t.Helper()
	w := setup(t)
	v := vaulttest.New(t, engine, vaulttest.Setup{Clock: w.clock, Seed: seed})
	weights := vaulttest.DefaultWeights()
	for _, out := range []vaulttest.Action{vaulttest.Dating, vaulttest.BackingUp, vaulttest.Restoring} {
		weights[out] = 0
	}
	script := jobstest.Value(vaulttest.NewScript(t.Context(), v, seed, weights))(t)
	jobstest.Must(t, v.SaveToken(t.Context(), script.Organization(), "the-token", string(user(900))))
	org := sponsorship.ID(script.Organization())
	random := rand.New(rand.NewPCG(seed, 2))
	b := w.follow(v)
	w.round(b)
	for range 60 {
		jobstest.Value(script.Step(t.Context()))(t)
		w.pass(time.Duration(random.IntN(40)) * time.Second)
		switch random.IntN(5) {
		case 0, 1:
			w.round(b)
		case 2: // killed after it has enqueued, if it has anything to enqueue
			_ = w.follow(v, func(p *bridge.Params) { p.Queue = cutOff{p.Queue} }).Once(t.Context())
			b = w.follow(v)
		case 3:
			w.intake()
		}
	}
	jobstest.Must(t, script.Rest(t.Context()))
	stored := jobstest.Value(v.Backup(t.Context()))(t)
	for range 6 { // longer than a row must be gone
		w.round(b)
		w.intake()
		w.resume(org)
		w.pass(time.Minute)
	}
	requireWishes(t, fmt.Sprintf("%s, seed %d", engine, seed), w.live(org), w.kept(org, script.Wishes()))
	if got := jobstest.Value(v.Backup(t.Context()))(t); fmt.Sprint(got) != fmt.Sprint(stored) {
		t.Errorf("%s, seed %d: something was written to the vault", engine, seed)
	}
}

// follow is a bridge at a real vault.
func (w *world) follow(v *vaulttest.Vault, change ...func(*bridge.Params)) *running {
	w.t.Helper()
	engine := jobstest.Value(connstring.Provider(v.Provider()))(w.t)
	target := jobstest.Value(connstring.Parse(engine, v.ConnectionString()))(w.t)
	opened := jobstest.Value(engines.Open(engines.Options{Target: target, Now: w.clock}))(w.t)
	w.t.Cleanup(func() { jobstest.Must(w.t, opened.Close()) })
	return w.bridge("a", append([]func(*bridge.Params){func(p *bridge.Params) { p.Database, p.Rules.DatesByJob = opened, false }}, change...)...)
}

// resume is a person who lets everything through.
func (w *world) resume(org sponsorship.ID) {
	w.t.Helper()
	if len(w.shown(org).Held) == 0 {
		return
	}
	jobstest.Value(w.memory.Change(w.t.Context(), org, w.now, func(m merge.Memory) merge.Memory { return merge.Resume(m, w.now) }))(w.t)
	jobstest.Must(w.t, w.memory.Ask(w.t.Context(), org))
}

// live lists the addresses that the ledger means to sponsor.
func (w *world) live(org sponsorship.ID) (addresses []string) {
	w.t.Helper()
	rows, _, err := w.ledger.List(w.t.Context(), org, state.Page{Limit: 1000})
	jobstest.Must(w.t, err)
	for _, s := range rows {
		if s.Status == sponsorship.Pending && s.Intent != sponsorship.IntentRevoke {
			addresses = append(addresses, s.Email)
		}
	}
	slices.Sort(addresses)
	return addresses
}

// kept leaves out offers whose member's account was gone before the bridge saw them: nobody is
// left whose offer it could be, and the dry run says so.
func (w *world) kept(org sponsorship.ID, wishes []vaulttest.Offered) []vaulttest.Offered {
	w.t.Helper()
	links := jobstest.Value(w.memory.Load(w.t.Context(), org))(w.t).Links
	return slices.DeleteFunc(wishes, func(o vaulttest.Offered) bool {
		return links[o.Row].Key == "" && !links[o.Row].Orphaned.IsZero()
	})
}

func requireWishes(t *testing.T, where string, got []string, wishes []vaulttest.Offered) {
	t.Helper()
	var want []string
	for _, wish := range wishes {
		want = append(want, wish.Email)
	}
	slices.Sort(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%s: the ledger means to sponsor\n %q, the vault wishes\n %q", where, got, want)
	}
}
