package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

const (
	dayLong  = 24 * time.Hour
	forgetIn = 30 * dayLong // less than a record stays that an admin initiated
)

// end stores a sponsorship as it is when it is over, which it comes to be now.
func (b bundle) end(n int, adminInitiated bool) sponsorship.Sponsorship {
	b.t.Helper()
	b.accept(n, nil)
	over := pending(n)
	over.Status, over.Intent, over.Revision = sponsorship.Removed, "", 2
	over.AdminInitiated, over.UpdatedAt = adminInitiated, b.Now(org)
	over.Wire.Offered = over.Email
	a, err := b.Accept(b.t.Context(), fmt.Sprint("end-", n), ledger.Write{Before: 1, After: over})
	jobstest.Must(b.t, err)
	if a.Conflict {
		b.t.Fatal("the end was not stored")
	}
	return over
}

func (b bundle) forget() int {
	b.t.Helper()
	n, err := b.ForgetOver(b.t.Context(), state.Shard(org), forgetIn)
	jobstest.Must(b.t, err)
	return n
}

func (b bundle) row(n int) string { return b.server.HGet(state.Key(org, "rows"), string(user(n))) }

func (b bundle) looks() int64 {
	b.t.Helper()
	return jobstest.Value(b.rdb.ZCard(b.t.Context(), state.ShardKey(state.Shard(org), "over")).Result())(b.t)
}

func TestWhatIsOverForLongIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.Beat(t.Context()))
	b.end(1, false)
	b.accept(2, nil) // not over
	b.advance(forgetIn - time.Minute)
	b.end(3, false) // not for long
	if n := b.forget(); n != 0 {
		t.Fatalf("%d forgotten a minute too early", n)
	}
	b.advance(2 * time.Minute)
	if n := b.forget(); n != 1 || strings.Contains(b.row(1), "@") {
		t.Fatalf("%d forgotten, and the row is %s", n, b.row(1))
	}
	if !strings.HasPrefix(b.row(1), "2 removed ") || !strings.Contains(b.row(2), "@") || !strings.Contains(b.row(3), "@") {
		t.Errorf("rows %q, %q, %q", b.row(1), b.row(2), b.row(3))
	}
	if n := b.forget(); n != 0 || b.looks() != 1 {
		t.Errorf("%d forgotten twice, %d to look at, want the third alone", n, b.looks())
	}
}

func TestAScriptForgetsAFewAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.Beat(t.Context()))
	for n := range state.ScriptRows + 1 {
		b.end(n, false)
	}
	b.advance(forgetIn + time.Minute)
	if first, second := b.forget(), b.forget(); first != state.ScriptRows || second != 1 {
		t.Errorf("forgot %d and then %d, want %d and 1", first, second, state.ScriptRows)
	}
}

func TestWhatCameBackToLifeIsNotForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.Beat(t.Context()))
	was := b.end(1, true)
	again, _, err := sponsorship.Decide(was, sponsorship.Redeem{Email: "again@example.com"}, sponsorship.Stamp{Now: b.Now(org)})
	jobstest.Must(t, err)
	a, err := b.Accept(t.Context(), "again", ledger.Write{Before: was.Revision, After: again})
	jobstest.Must(t, err)
	if a.Conflict || b.looks() != 0 {
		t.Fatalf("conflict %v, %d to look at", a.Conflict, b.looks())
	}
	// A sweep that had read the row before it came back.
	n, err := b.Forget(t.Context(), org, state.Forgetting{Read: was, Whole: true})
	jobstest.Must(t, err)
	b.advance(400 * dayLong)
	if n += b.forget(); n != 0 || !strings.Contains(b.row(1), "again@example.com") {
		t.Errorf("%d forgotten: %s", n, b.row(1))
	}
}

func TestWhatAnAdminInitiatedIsDroppedInTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.Beat(t.Context()))
	b.end(1, true)
	b.server.HSet(state.Key(org, "applied"), string(user(1)), "7")
	b.advance(forgetIn + time.Minute)
	if n := b.forget(); n != 1 || strings.Contains(b.row(1), "@") || b.row(1) == "" {
		t.Fatalf("%d forgotten, and the row is %q", n, b.row(1))
	}
	b.advance(90*dayLong - forgetIn - time.Hour)
	if n := b.forget(); n != 0 || b.row(1) == "" {
		t.Fatalf("%d dropped while something may still name it", n)
	}
	b.advance(2 * time.Hour)
	if n := b.forget(); n != 1 || b.row(1) != "" || b.looks() != 0 {
		t.Fatalf("%d dropped, and the row is %q", n, b.row(1))
	}
	if b.server.Exists(state.Key(org, "applied")) {
		t.Error("the place of its latest job is still kept")
	}
	counts, err := b.Counts(t.Context(), org)
	jobstest.Must(t, err)
	jobstest.Equal(t, "removed ones in the list", counts[sponsorship.Removed], 0)
}

// A redeem of what was dropped begins a new life. Subscribers know the old one's
// revisions.
func TestRevisionsGoOnAboveWhatWasDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.Beat(t.Context()))
	b.end(1, true)
	b.accept(2, nil)
	b.advance(90*dayLong + time.Hour)
	b.forget()
	a := b.acceptAs("first", 1)
	if !a.Conflict || a.Current.Revision != 2 || a.Current.Status != "" {
		t.Fatalf("accepted = %+v, want a conflict: count on from 2", a)
	}
	next, _, err := sponsorship.Decide(a.Current, sponsorship.Redeem{Email: "anew@example.com"}, sponsorship.Stamp{Now: t0})
	jobstest.Must(t, err)
	if a, err = b.Accept(t.Context(), "anew", ledger.Write{Before: 2, After: next}); err != nil || a.Conflict || next.Revision != 3 {
		t.Errorf("the second attempt: %+v, %v at revision %d", a, err, next.Revision)
	}
	// What is there counts as before.
	two := pending(2)
	two.Revision = 2
	if a, err = b.Accept(t.Context(), "two", ledger.Write{Before: 1, After: two}); err != nil || a.Conflict {
		t.Errorf("another row: %+v, %v", a, err)
	}
}

func TestErasedOrganizationLeavesNothing(t *testing.T) {
	t.Parallel()
	b := started(t)
	jobstest.Must(t, b.Connect(t.Context(), org, state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "x"}))
	for n := range 2*state.ScriptRows + 1 {
		b.accept(n, nil)
	}
	b.end(1000, false)
	s := b.begin("sync")
	b.server.HSet(state.Key(org, "inflight"), "x", "1")
	if err := b.Erase(t.Context(), org); err == nil {
		t.Fatal("an organization that is connected was erased")
	}
	b.accept(1001, nil)
	connected, err := b.Disconnect(t.Context(), org)
	if err != nil || !connected {
		t.Fatal(connected, err)
	}
	if err := s.Settle(t.Context(), ledger.Settled{}); err == nil {
		t.Error("a sync went on for an organization that was disconnected")
	}
	before := b.outboxLength()
	jobstest.Must(t, b.Erase(t.Context(), org))
	left := slices.DeleteFunc(b.server.Keys(), func(key string) bool { return !strings.Contains(key, string(org)) })
	if len(left) != 1 || left[0] != state.Key(org, "inflight") || b.server.TTL(left[0]) <= 0 {
		t.Errorf("left: %v, want what is unanswered, for a while", left)
	}
	if b.looks() != 0 || b.outboxLength() != before {
		t.Errorf("%d to look at, %d events of %d", b.looks(), b.outboxLength(), before)
	}
	orgs, err := b.Organizations(t.Context())
	jobstest.Must(t, err)
	jobstest.Equal(t, "organizations", len(orgs), 0)
	if a := b.acceptAs("after", 1); !a.Conflict || a.Current.Revision < 2 {
		t.Errorf("after it was erased: %+v, want revisions above all that were published", a)
	}
}

func (b bundle) acceptAs(job string, n int) ledger.Accepted {
	b.t.Helper()
	return jobstest.Value(b.Accept(b.t.Context(), job, ledger.Write{After: pending(n)}))(b.t)
}

func (b bundle) outboxLength() int64 {
	b.t.Helper()
	return jobstest.Value(b.OutboxLength(b.t.Context()))(b.t)
}
