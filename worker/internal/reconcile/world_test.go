package reconcile_test

import (
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/crash"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// hand is one worker of the random test: with a connection to Redis of its own,
// which may break at any command, and a wall clock of its own.
type hand struct {
	rdb    *redis.Client
	crash  *crash.Hook
	ledger *ledger.Ledger
	intake *intake.Intake
	sync   *reconcile.Reconciler
}

// world is what the stories of the random test have in common: a store, a queue that
// the test itself empties in any order, and two workers whose clocks are a day apart.
type world struct {
	*bundle
	client *enqueue.Client
	hands  []*hand
}

func newWorld(b *bundle) *world {
	b.t.Helper()
	w := &world{bundle: b, client: enqueue.New(b.rdb, enqueue.Options{})}
	for _, skew := range []time.Duration{-12 * time.Hour, 12 * time.Hour} {
		w.hands = append(w.hands, w.hand(skew))
	}
	return w
}

func (w *world) hand(skew time.Duration) *hand {
	w.t.Helper()
	h := &hand{rdb: redis.NewClient(&redis.Options{Addr: w.server.Addr()}), crash: &crash.Hook{}}
	w.t.Cleanup(func() { _ = h.rdb.Close() })
	h.rdb.AddHook(h.crash)
	h.ledger = w.newLedger(h.rdb)
	system := enqueue.NewSystem(enqueue.New(h.rdb, enqueue.Options{}))
	h.intake = jobstest.Value(intake.New(intake.Params{Ledger: h.ledger, Waker: w, Line: system}))(w.t)
	client := w.newClient(skew)
	w.t.Cleanup(client.Close)
	p := w.params
	p.Ledger, p.Cloud, p.BatchSize = h.ledger, client, 3
	p.Now = func() time.Time { return w.now().Add(skew) }
	h.sync = jobstest.Value(reconcile.New(p))(w.t)
	return h
}

func (m *model) anyHand() *hand { return m.hands[m.draw("worker", len(m.hands))] }

// calm lets a worker look at the ledger's clock, as it does every few seconds.
func (m *model) calm(h *hand) {
	if err := h.crash.Spare(func() error { return h.ledger.Beat(m.t.Context()) }); err != nil {
		m.rt.Fatal(err)
	}
}
