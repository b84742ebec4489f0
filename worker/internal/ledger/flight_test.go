package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

const life = 7 * time.Minute

// departing is a row as it is read, about to leave without a change.
func (b bundle) departing(n int, kind ledger.Kind) ledger.Departing {
	b.t.Helper()
	read, err := b.Get(b.t.Context(), org, user(n))
	jobstest.Must(b.t, err)
	return ledger.Departing{Kind: kind, Before: read[0], After: read[0]}
}

// mark notes one row of a request and returns what came of it.
func (b bundle) mark(s *ledger.Session, request string, row ledger.Departing) ledger.Marked {
	b.t.Helper()
	marked, err := s.Mark(b.t.Context(), ledger.Departure{Request: request, Life: life, Rows: []ledger.Departing{row}})
	jobstest.Must(b.t, err)
	return marked[0]
}

func TestARequestThatHasNotEndedHoldsItsRows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first, second ledger.Kind
		held          bool
	}{
		{ledger.Offer, ledger.Offer, true}, {ledger.Offer, ledger.Withdraw, true}, {ledger.Offer, ledger.Refresh, true},
		{ledger.Withdraw, ledger.Withdraw, true}, {ledger.Withdraw, ledger.Offer, true}, {ledger.Withdraw, ledger.Refresh, true},
		{ledger.Refresh, ledger.Offer, true}, {ledger.Refresh, ledger.Withdraw, true}, {ledger.Refresh, ledger.Refresh, false},
	} {
		b := started(t)
		b.accept(1, nil)
		s := b.begin("sync")
		if m := b.mark(s, "first", b.departing(1, tt.first)); !m.Left {
			t.Fatalf("the first: %+v", m)
		}
		m := b.mark(s, "second", b.departing(1, tt.second))
		if m.Left == tt.held || m.Held.IsZero() == tt.held {
			t.Errorf("%s after %s: %+v", tt.second, tt.first, m)
		}
		if tt.held {
			if left := m.Held.Sub(s.Now()); left < life-time.Minute || left > life {
				t.Errorf("%s after %s: held for %s, want %s", tt.second, tt.first, left, life)
			}
		}
		b.advance(life + time.Second)
		if m := b.mark(s, "third", b.departing(1, tt.second)); !m.Left {
			t.Errorf("%s after the end of %s: %+v", tt.second, tt.first, m)
		}
	}
}

func TestWhatEndedHoldsNothing(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	b.accept(2, nil)
	s := b.begin("sync")
	b.mark(s, "first", b.departing(1, ledger.Offer))
	b.mark(s, "other", b.departing(2, ledger.Offer))
	_, err := s.Apply(t.Context(), nil, ledger.Ended{Request: "first", Rows: []sponsorship.ID{user(1), user(2)}})
	jobstest.Must(t, err)
	if m := b.mark(s, "second", b.departing(1, ledger.Withdraw)); !m.Left {
		t.Errorf("a row of a request that has ended: %+v", m)
	}
	if m := b.mark(s, "second", b.departing(2, ledger.Withdraw)); m.Left {
		t.Error("a request ended in the name of another one")
	}
}

// Two refreshes share a record. Neither knows of the other's end.
func TestARefreshThatMetAnotherOnlyTimesOut(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("sync")
	b.mark(s, "first", b.departing(1, ledger.Refresh))
	b.mark(s, "second", b.departing(1, ledger.Refresh))
	_, err := s.Apply(t.Context(), nil, ledger.Ended{Request: "second", Rows: []sponsorship.ID{user(1)}})
	jobstest.Must(t, err)
	if m := b.mark(s, "third", b.departing(1, ledger.Withdraw)); m.Left {
		t.Error("the end of the second request was taken for the first one's, too")
	}
}

// A worker with other settings gives its request less time.
func TestTwoRefreshesLastAsLongAsTheLonger(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("sync")
	b.mark(s, "long", b.departing(1, ledger.Refresh))
	_, err := s.Mark(t.Context(), ledger.Departure{
		Request: "short", Life: time.Minute, Rows: []ledger.Departing{b.departing(1, ledger.Refresh)},
	})
	jobstest.Must(t, err)
	b.advance(2 * time.Minute)
	m := b.mark(s, "third", b.departing(1, ledger.Withdraw))
	if left := m.Held.Sub(s.Now()); m.Left || left < life-3*time.Minute || left > life {
		t.Errorf("%+v, held for %s; want the longer request waited for", m, left)
	}
}

func TestAMarkWhoseAnswerWasLostIsRepeated(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	b.accept(2, nil)
	s := b.begin("sync")
	changed, same := b.departing(1, ledger.Offer), b.departing(2, ledger.Offer)
	changed.After.Revision++
	changed.After.Wire.Offered = "m1@example.com"
	for range 2 {
		if m := b.mark(s, "one", changed); !m.Left {
			t.Fatalf("a row with a mark: %+v", m)
		}
		if m := b.mark(s, "one", same); !m.Left {
			t.Fatalf("a row without one: %+v", m)
		}
	}
}

func TestWhatWasChangedSinceItWasReadDoesNotLeave(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("sync")
	row := b.departing(1, ledger.Refresh) // nothing of it has to be stored
	changed := row.Before
	changed.Revision++
	_, err := b.Accept(t.Context(), "person", ledger.Write{Before: row.Before.Revision, After: changed})
	jobstest.Must(t, err)
	if m := b.mark(s, "one", row); m.Left || !m.Held.IsZero() {
		t.Fatalf("marked %+v, want changed", m)
	}
	if m := b.mark(s, "two", b.departing(1, ledger.Withdraw)); !m.Left {
		t.Fatalf("a row that did not leave is held: %+v", m)
	}
}

func TestAJumpOfTheTimeStartsAGraceAnew(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("sync")
	b.mark(s, "first", b.departing(1, ledger.Offer))
	clock := state.ShardKey(state.Shard(org), "clock")
	jobstest.Must(t, b.rdb.HIncrBy(t.Context(), clock, "offset", (24*time.Hour).Milliseconds()).Err())
	m := b.mark(s, "second", b.departing(1, ledger.Withdraw))
	if left := m.Held.Sub(s.Now()); m.Left || left < life-time.Minute || left > life {
		t.Errorf("after a jump of a day held for %s (%+v), want %s", left, m, life)
	}
	b.advance(life + time.Second)
	if m := b.mark(s, "third", b.departing(1, ledger.Withdraw)); !m.Left {
		t.Errorf("held beyond the grace that began anew: %+v", m)
	}
}

func TestMarkNeedsTheLease(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("slow")
	row := b.departing(1, ledger.Offer)
	b.server.FastForward(ledger.LeaseLife + time.Second)
	quick := b.begin("quick")
	_, err := s.Mark(t.Context(), ledger.Departure{Request: "late", Life: life, Rows: []ledger.Departing{row}})
	if !errors.Is(err, ledger.ErrLeaseLost) {
		t.Fatalf("err = %v", err)
	}
	if m := b.mark(quick, "own", row); !m.Left {
		t.Errorf("a request that must not leave holds a row: %+v", m)
	}
}

func TestManyRowsAreMarkedAndEndedInParts(t *testing.T) {
	t.Parallel()
	b := started(t)
	d := ledger.Departure{Request: "one", Life: life}
	ended := ledger.Ended{Request: "one"}
	for n := range 450 {
		b.accept(n, nil)
		d.Rows = append(d.Rows, b.departing(n, ledger.Offer))
		ended.Rows = append(ended.Rows, user(n))
	}
	s := b.begin("sync")
	for _, request := range []string{"one", "two"} {
		d.Request = request
		marked, err := s.Mark(t.Context(), d)
		jobstest.Must(t, err)
		if len(marked) != 450 || marked[449].Left != (request == "one") {
			t.Fatalf("%s: %d rows, the last one %+v", request, len(marked), marked[len(marked)-1])
		}
	}
	_, err := s.Apply(t.Context(), nil, ended)
	jobstest.Must(t, err)
	if n := b.rdb.HLen(t.Context(), state.Key(org, "inflight")).Val(); n != 0 {
		t.Errorf("%d records left of a request that has ended", n)
	}
}

func TestAHeldRowIsDueLater(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	b.accept(2, nil)
	s := b.begin("sync")
	held := pending(1)
	held.Revision++
	until := s.Now().Add(life)
	_, err := s.Apply(t.Context(), []ledger.Write{{Before: 1, After: held, DueAt: until}}, ledger.Ended{})
	jobstest.Must(t, err)
	waiting, err := s.Waiting(t.Context())
	jobstest.Must(t, err)
	due, err := s.Due(t.Context(), 10)
	jobstest.Must(t, err)
	if waiting.Due != 1 || waiting.Next == nil || waiting.Next.UnixMilli() != until.UnixMilli() || len(due) != 1 || due[0].UserID != user(2) {
		t.Fatalf("waiting %+v, due %+v", waiting, due)
	}

	// A change by a person does not bring it forward.
	again := held
	again.Revision++
	_, err = b.Accept(t.Context(), "person", ledger.Write{Before: held.Revision, After: again})
	jobstest.Must(t, err)
	done := pending(2)
	done.Status, done.Intent, done.Revision = sponsorship.Sent, "", 2
	_, err = s.Apply(t.Context(), []ledger.Write{{Before: 1, After: done}}, ledger.Ended{})
	jobstest.Must(t, err)
	if waiting, err = s.Waiting(t.Context()); err != nil || waiting.Due != 0 {
		t.Fatalf("waiting %+v, %v, want nothing now", waiting, err)
	}

	// The organization rests, and is woken then.
	b.release(s)
	if stuck := b.wakes(); len(stuck) != 0 {
		t.Errorf("woken before anything is due: %+v", stuck)
	}
	b.advance(life)
	if stuck := b.wakes(); len(stuck) != 1 {
		t.Errorf("stuck = %+v, want the organization, whose row is due", stuck)
	}
}

func (b bundle) wakes() []ledger.Wake {
	b.t.Helper()
	found, _, err := b.Stuck(b.t.Context(), state.Shard(org), ledger.Look{Limit: 10})
	jobstest.Must(b.t, err)
	return found
}

func TestAFullSyncThatHasToWaitIsWorkFromThen(t *testing.T) {
	t.Parallel()
	b := started(t)
	_, err := b.RequestFull(t.Context(), org, ledger.Request{JobID: "full", Trigger: ledger.Manual})
	jobstest.Must(t, err)
	s := b.begin("sync")
	if done, err := s.Release(t.Context(), ledger.Leave{}); err != nil || done {
		t.Fatalf("released with a full sync to do: %v, %v", done, err)
	}
	until := s.Now().Add(time.Minute)
	if done, err := s.Release(t.Context(), ledger.Leave{Waits: &until}); err != nil || !done {
		t.Fatalf("kept although the full sync has to wait: %v, %v", done, err)
	}
	if stuck := b.wakes(); len(stuck) != 0 {
		t.Errorf("woken before it can go on: %+v", stuck)
	}
	b.advance(time.Minute)
	if stuck := b.wakes(); len(stuck) != 1 {
		t.Error("not woken when it can go on")
	}
}

// A new wish does not wait for an older one's grace.
func TestWorkThatIsDueEarlierWins(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("sync")
	held := pending(1)
	held.Revision++
	_, err := s.Apply(t.Context(), []ledger.Write{{Before: 1, After: held, DueAt: s.Now().Add(life)}}, ledger.Ended{})
	jobstest.Must(t, err)
	b.release(s)
	b.accept(2, nil)
	b.advance(time.Second)
	if stuck := b.wakes(); len(stuck) != 1 {
		t.Error("a new wish waits for an older one's grace")
	}
}
