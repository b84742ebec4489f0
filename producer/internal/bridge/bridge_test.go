package bridge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

func TestWhatMembersDoInTheVaultBecomesJobs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bridge("a")
	w.round(b)
	w.offer(acme, 1, "mum@example.com")
	w.round(b)
	w.round(b) // nothing new
	w.requireEnqueued("redeem mum@example.com")
	w.intake()
	w.vaults[acme].Rows[0].Email = "dad@example.com"
	w.dirty[acme] = true
	w.round(b)
	w.requireEnqueued("change " + string(user(1)) + " dad@example.com false")
	w.intake()
	w.vaults[acme].Rows[0].Marked = true
	w.dirty[acme] = true
	w.round(b)
	w.requireEnqueued("change " + string(user(1)) + "  true")
}

// cutOff is a queue behind which the bridge is killed.
type cutOff struct{ bridge.Queue }

var errKilled = errors.New("killed")

func (q cutOff) Send(ctx context.Context, all []merge.Job) error {
	if err := q.Queue.Send(ctx, all); err != nil {
		return err
	}
	return errKilled
}

func TestACrashBetweenEnqueueAndRememberRepeatsNothing(t *testing.T) {
	t.Parallel()
	for name, carriedOut := range map[string]bool{"the job still waits": false, "the job has taken effect": true} {
		for moment, takenOver := range map[string]bool{"at take-over": false, "later": true} {
			t.Run(name+" "+moment, func(t *testing.T) {
				t.Parallel()
				w := setup(t)
				if takenOver {
					first := w.bridge("a")
					w.round(first)
				}
				w.offer(acme, 1, "mum@example.com")
				killed := w.bridge("a", func(p *bridge.Params) { p.Queue = cutOff{p.Queue} })
				if killed.Once(t.Context()) == nil {
					t.Fatal("the round came to its end")
				}
				w.requireEnqueued("redeem mum@example.com")
				want := []string{"redeem mum@example.com"}
				if carriedOut {
					w.intake()
					want = nil
				}
				again := w.bridge("a")
				w.round(again)
				w.round(again)
				w.requireEnqueued(want...)
				w.requireHeld(acme)
			})
		}
	}
}

func TestOneBridgeWorksHoweverManyRun(t *testing.T) {
	t.Parallel()
	w := setup(t)
	first, second := w.bridge("a"), w.bridge("b")
	w.round(first)
	w.offer(acme, 1, "mum@example.com")
	if err := second.Once(t.Context()); !errors.Is(err, bridge.ErrElsewhere) || second.reads != 0 {
		t.Fatalf("the second bridge works beside the first: %d reads", second.reads)
	}
	w.round(first)
	jobstest.Must(t, w.rdb.Del(t.Context(), state.BridgeLeaseKey).Err()) // the first was killed, its lease has ended
	w.round(second)
	w.requireEnqueued("redeem mum@example.com")
	if first.Once(t.Context()) == nil {
		t.Error("the first bridge works beside the second")
	}
}

func TestRunGivesTheLeaseBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	first := w.bridge("a")
	go func() { ended <- first.Run(ctx) }()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return w.shown(acme).Running })
	stop()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
	w.round(w.bridge("b"))
}

// What happened while no bridge ran is seen by the next look, as it stands then.
func TestALookThatWasMissedCostsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.round(w.bridge("a"))
	w.offer(acme, 1, "mum@example.com")
	w.offer(acme, 2, "ann@example.com")
	w.pass(time.Hour / 2)
	w.vaults[acme].Rows[0].Email = "dad@example.com"
	w.remove(acme, 2)
	w.offer(acme, 3, "bob@example.com")
	w.round(w.bridge("a"))
	w.requireEnqueued("redeem bob@example.com", "redeem dad@example.com")
}

func TestARowThatIsGoneIsLookedAtAgainAfterTheGrace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bridge("a")
	w.round(b)
	w.offer(acme, 1, "mum@example.com")
	w.round(b)
	w.intake()
	w.remove(acme, 1)
	w.round(b)
	reads := b.reads
	w.round(b)
	jobstest.Equal(t, "looks while the grace lasts", b.reads-reads, 0)
	w.requireEnqueued()
	w.pass(2 * time.Minute)
	w.round(b)
	w.requireEnqueued("change " + string(user(1)) + "  true")
}

func TestADisconnectIsObeyedUntilSomebodyTakesItBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bridge("a")
	w.round(b)
	jobstest.Value(w.ledger.Disconnect(t.Context(), acme))(t)
	w.offer(acme, 1, "mum@example.com")
	w.round(b)
	w.round(w.bridge("a")) // also after a restart
	w.requireEnqueued()
	if o, _, err := w.ledger.Organization(t.Context(), acme); err != nil || o.Connected {
		t.Fatalf("connected again: %+v, %v", o, err)
	}
	jobstest.Must(t, w.ledger.Erase(t.Context(), acme)) // --forget
	w.round(w.bridge("a"))
	w.requireEnqueued()

	jobstest.Value(w.ledger.Reconnect(t.Context(), acme))(t)
	jobstest.Must(t, w.memory.Ask(t.Context(), acme))
	w.round(b)
	w.requireEnqueued("redeem mum@example.com")
	if got := jobstest.Value(w.ledger.Connection(t.Context(), acme))(t); got.BillingSyncToken != "the-token" || !got.FromVault {
		t.Errorf("the connection is %+v", got)
	}
}

func TestTheConnectionFollowsTheVault(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bridge("a")
	w.round(b)
	v := w.vaults[acme]
	token := func() string {
		c, err := w.ledger.Connection(t.Context(), acme)
		if fault.CodeOf(err) == fault.ConnectionMissing {
			return ""
		}
		jobstest.Must(t, err)
		return c.BillingSyncToken.Reveal()
	}
	for _, want := range []string{"another-token", "", "another-token"} {
		v.Connections[0].Token = "" // an empty one is stored by the web vault, too
		if want != "" {
			v.Connections[0].Token = "another-token"
		}
		w.dirty[acme] = true
		w.round(b)
		jobstest.Equal(t, "token", token(), want)
	}
	w.organization(bravo)
	w.vaults[bravo].Connections = nil
	w.round(b)
	if got := w.shown(bravo); !got.Looked.IsZero() {
		t.Errorf("an organization that was never connected is followed: %+v", got)
	}
}

func TestADatabaseThatIsAwayCostsNothingButTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bridge("a")
	w.round(b)
	w.offer(acme, 1, "mum@example.com")
	w.away = fault.New(fault.BridgeDatabaseUnavailable, "connect to the database: refused")
	for range 3 {
		if b.Once(t.Context()) == nil {
			t.Fatal("the round came to its end")
		}
	}
	if got := w.shown(acme).Error; got == nil || got.Code != fault.BridgeDatabaseUnavailable {
		t.Errorf("people see %+v", got)
	}
	w.away = nil
	w.round(b)
	w.requireEnqueued("redeem mum@example.com")
	if got := w.shown(acme).Error; got != nil {
		t.Errorf("people still see %+v", got)
	}
}

func TestOneOrganizationsFailureStopsNoOther(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.organization(bravo)
	b := w.bridge("a")
	w.round(b)
	for _, org := range []sponsorship.ID{acme, bravo} {
		w.offer(org, 1, "mum@"+string(org[:4])+".example")
	}
	w.broken[acme] = fault.New(fault.BridgeSchemaUnknown, "the column ToDelete is missing")
	if b.Once(t.Context()) == nil {
		t.Fatal("all is said to be well")
	}
	w.requireEnqueued("redeem mum@2222.example")
	jobstest.Equal(t, "what people see of the one", w.shown(acme).Error.Code, fault.BridgeSchemaUnknown)
	if got := w.shown(bravo).Error; got != nil {
		t.Errorf("people see %+v of the other", got)
	}
	delete(w.broken, acme)
	w.round(b) // the one is still due, though nothing has changed since
	w.requireEnqueued("redeem mum@1111.example", "redeem mum@2222.example")
}

// A migration that is under way is none; tables that stay unknown are.
func TestTablesThatStayUnknownHold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bridge("a")
	w.round(b)
	w.broken[acme], w.dirty[acme] = fault.New(fault.BridgeSchemaUnknown, "the column ToDelete is missing"), true
	for range 2 {
		_ = b.Once(t.Context())
		w.pass(30 * time.Second)
	}
	w.requireHeld(acme)
	w.pass(30 * time.Second)
	_ = b.Once(t.Context())
	w.requireHeld(acme, fault.HeldSchema)
}

func TestALostMemoryHolds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bridge("a")
	w.round(b)
	w.offer(acme, 1, "mum@example.com")
	w.round(b)
	w.intake()
	w.offer(acme, 2, "dad@example.com")
	jobstest.Must(t, w.rdb.Del(t.Context(), state.BridgeKey(acme), state.Key(acme, "bridge:links")).Err())
	for range 2 { // also when it has looked before
		w.dirty[acme] = true
		w.round(b)
		w.requireHeld(acme, fault.HeldMemoryLost)
		w.requireEnqueued()
	}
	jobstest.Value(w.memory.Change(t.Context(), acme, w.now, func(m merge.Memory) merge.Memory { return merge.Resume(m, w.now) }))(t)
	jobstest.Must(t, w.memory.Ask(t.Context(), acme))
	w.round(b)
	w.requireHeld(acme)
	w.requireEnqueued("redeem dad@example.com")
}

// meanwhile does something between what a bridge sees and what it remembers.
type meanwhile struct {
	bridge.Queue
	do func()
}

func (q meanwhile) Send(ctx context.Context, all []merge.Job) error {
	q.do()
	return q.Queue.Send(ctx, all)
}

func TestALookDoesNotUndoWhatAPersonSaidMeanwhile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.round(w.bridge("a"))
	w.offer(acme, 1, "mum@example.com")
	spoken := false
	b := w.bridge("a", func(p *bridge.Params) {
		p.Queue = meanwhile{p.Queue, func() {
			if !spoken {
				spoken = true
				jobstest.Value(w.memory.Change(t.Context(), acme, w.now, func(m merge.Memory) merge.Memory {
					return merge.Answer(m, merge.OfficialJobRan)
				}))(t)
			}
		}}
	})
	w.round(b)
	kept := jobstest.Value(w.memory.Load(t.Context(), acme))(t)
	if kept.OfficialJob != merge.OfficialJobRan || len(kept.Links) != 1 {
		t.Errorf("remembered: answer %q, %d links", kept.OfficialJob, len(kept.Links))
	}
	w.requireEnqueued("redeem mum@example.com")
}

func TestAPreviewDoesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.offer(acme, 1, "mum@example.com")
	p, err := w.bridge("a").Preview(t.Context(), acme, nil)
	jobstest.Must(t, err)
	if len(p.Jobs) != 1 || p.Name != "Name of 1111" || p.Connect == nil {
		t.Errorf("it would: %+v", p)
	}
	w.requireEnqueued()
	keys, err := w.rdb.Keys(t.Context(), "sponsorsync:*").Result()
	jobstest.Must(t, err)
	for _, key := range keys {
		t.Errorf("it wrote %s", key)
	}
}
