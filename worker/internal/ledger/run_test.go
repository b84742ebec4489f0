package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// comes is Redis come back under a run id, as a program finds it that worked under
// another one before.
func (b bundle) comes(l *ledger.Ledger, run ledger.Run) bool {
	b.t.Helper()
	another, err := l.NoteRun(b.t.Context(), b.rdb.(*redis.Client), run)
	jobstest.Must(b.t, err)
	return another
}

// lostMark is a ledger that lost a mark with its last second: the request that holds
// the row is under way.
func lostMark(t *testing.T) (bundle, ledger.Departing) {
	t.Helper()
	b := started(t)
	b.comes(b.Ledger, ledger.Run{ID: "one"})
	b.accept(1, nil)
	rows, due := b.rdb.HGetAll(t.Context(), state.Key(org, "rows")).Val(), state.Key(org, "inflight")
	s := b.begin("sync")
	row := b.departing(1, ledger.Offer)
	row.After.Revision++
	row.After.Wire.Offered = "m1@example.com"
	if m := b.mark(s, "first", row); !m.Left {
		t.Fatalf("%+v", m)
	}
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.Key(org, "rows"), rows).Err())
	jobstest.Must(t, b.rdb.Del(t.Context(), due, state.Key(org, "lease")).Err())
	return b, row
}

func (b bundle) other() *ledger.Ledger {
	b.t.Helper()
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(b.t, err)
	return ledger.New(b.rdb, sealer)
}

// tries is what comes of another request of another program for the same row.
func (b bundle) tries(l *ledger.Ledger, request string, kind ledger.Kind) (ledger.Marked, error) {
	b.t.Helper()
	rows, err := l.Get(b.t.Context(), org, user(1))
	jobstest.Must(b.t, err)
	begun, err := l.Begin(b.t.Context(), org, ledger.Attempt{Token: "other"})
	jobstest.Must(b.t, err)
	marked, err := begun.Session.Mark(b.t.Context(), ledger.Departure{
		Request: request, Life: life, Rows: []ledger.Departing{{Kind: kind, Before: rows[0], After: rows[0]}},
	})
	if err != nil {
		return ledger.Marked{}, err
	}
	return marked[0], nil
}

func TestAWorkerThatLivedThroughItWritesItsMarksAgain(t *testing.T) {
	t.Parallel()
	b, row := lostMark(t)
	other := b.other()
	if !b.comes(other, ledger.Run{ID: "two"}) {
		t.Fatal("another run was not noticed")
	}
	if _, err := b.tries(other, "second", ledger.Offer); !errors.Is(err, ledger.ErrUncounted) {
		t.Fatalf("before the workers are counted: %v, want ErrUncounted", err)
	}
	b.comes(b.Ledger, ledger.Run{ID: "two", Before: "one"})
	jobstest.Must(t, other.Counted(t.Context(), "two", 0))
	got, err := b.Get(t.Context(), org, user(1))
	jobstest.Must(t, err)
	if got[0].Wire.Offered != row.After.Wire.Offered {
		t.Errorf("the row is %+v, want it as it left", got[0])
	}
	if m, err := b.tries(other, "second", ledger.Offer); err != nil || m.Left || m.Held.IsZero() {
		t.Errorf("%+v, %v: the row left again", m, err)
	}
	_, err = b.begin("other").Apply(t.Context(), nil, ledger.Ended{Request: "first", Rows: []sponsorship.ID{user(1)}})
	jobstest.Must(t, err)
	if b.Owes() {
		t.Error("it would write again what has ended")
	}
	if m, err := b.tries(other, "third", ledger.Offer); err != nil || !m.Left {
		t.Errorf("%+v, %v: after the end of the first request", m, err)
	}
}

func TestWhatAKilledWorkerMayHaveSentWaits(t *testing.T) {
	t.Parallel()
	b, _ := lostMark(t)
	other := b.other()
	b.comes(other, ledger.Run{ID: "two"})
	jobstest.Must(t, other.Counted(t.Context(), "two", life))
	for _, kind := range []ledger.Kind{ledger.Offer, ledger.Withdraw} {
		m, err := b.tries(other, "second", kind)
		if left := time.Until(m.Held); err != nil || m.Left || !m.Lost || left < life-time.Minute || left > life {
			t.Errorf("%s: %+v, %v: want it held for %v", kind, m, err, life)
		}
	}
	b.advance(life + time.Second)
	if m, err := b.tries(other, "third", ledger.Offer); err != nil || !m.Left {
		t.Errorf("%+v, %v: after the time in which the cloud may be at work", m, err)
	}
}

func TestWhatMayBeRepeatedDoesNotWaitForAKilledWorker(t *testing.T) {
	t.Parallel()
	b, _ := lostMark(t)
	other := b.other()
	b.comes(other, ledger.Run{ID: "two"})
	jobstest.Must(t, other.Counted(t.Context(), "two", life))
	if m, err := b.tries(other, "second", ledger.Refresh); err != nil || !m.Left {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestWhereMarksAreOnDiskNothingWaits(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.comes(b.Ledger, ledger.Run{ID: "one", Confirms: true})
	b.accept(1, nil)
	if !b.comes(b.Ledger, ledger.Run{ID: "two", Before: "one", Confirms: true}) || b.Uncounted() {
		t.Fatal("another run, and marks that are on disk: there is nothing to count")
	}
	if m, err := b.tries(b.Ledger, "first", ledger.Offer); err != nil || !m.Left {
		t.Errorf("%+v, %v", m, err)
	}
}

// An emptied Redis knows no other run; only who lived through it does.
func TestAnEmptiedRedisIsAnotherRunToWhoLivedThroughIt(t *testing.T) {
	t.Parallel()
	b, _ := lostMark(t)
	b.server.FlushAll()
	if b.comes(b.other(), ledger.Run{ID: "two"}) {
		t.Error("a new program took a new Redis for an old one")
	}
	for n, want := range []bool{true, false} { // two that did
		if got := b.comes(b.Ledger, ledger.Run{ID: "two", Before: "one"}); got != want {
			t.Errorf("%d: another run is %v, want %v", n, got, want)
		}
	}
	if !b.Uncounted() {
		t.Error("nobody is counted")
	}
	if rows, err := b.Get(t.Context(), org, user(1)); err != nil || rows[0].Wire.Offered == "" {
		t.Errorf("%+v, %v: a row that left is not known any more", rows, err)
	}
}
