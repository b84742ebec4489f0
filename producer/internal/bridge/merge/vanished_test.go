package merge_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// vanished is a world in which the row of member 1 was sent, and is gone.
func vanished(t *testing.T, dated time.Duration) *world {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	if dated > 0 { // as our own write does
		written := w.now
		s := w.ledger[user(1)]
		s.LastSyncAt = &written
		w.ledger[user(1)] = s
		w.row(id).Synced = &written
		w.look()
		w.now = w.now.Add(dated)
	}
	w.delete(id)
	return w
}

func TestVanishedRowIsWithdrawnAfterTheGrace(t *testing.T) {
	w := vanished(t, 0)
	w.want("gone")
	w.now = w.now.Add(2*time.Minute - 10*time.Second)
	w.want("just below the grace")
	w.now = w.now.Add(5 * time.Second)
	w.want("the grace is over", "revoke")
	w.now = w.now.Add(time.Hour)
	w.want("once")
}

func TestRowThatGotItsDateAMomentBeforeIsWithdrawnToo(t *testing.T) {
	w := vanished(t, 30*time.Second)
	w.want("gone")
	w.now = w.now.Add(3 * time.Minute)
	w.want("a revoke had read it undated", "revoke")
}

func TestVanishedDatedRowHoldsItsMember(t *testing.T) {
	w := vanished(t, 2*time.Minute)
	w.want("gone")
	w.now = w.now.Add(3 * time.Minute)
	w.want("nobody knows whether it was meant")
	if !w.held(fault.HeldRowVanished) || w.memory.Holds[0].User != user(1) {
		t.Fatalf("holds: %+v", w.memory.Holds)
	}
	since := w.memory.Holds[0].Since
	w.now = w.now.Add(71 * time.Hour)
	w.want("71 hours later")
	if got := w.memory.Holds[0].Since; !got.Equal(since) {
		t.Errorf("held since %s, was %s", got, since)
	}
	w.now = w.now.Add(time.Hour)
	w.want("three days are enough", "revoke")
	if w.look(); w.held(fault.HeldRowVanished) {
		t.Error("still held")
	}
}

func TestVanishedRedeemedRowWaitsForAPerson(t *testing.T) {
	for word, want := range map[merge.Settled][]string{merge.SettledWithdraw: {"revoke"}, merge.SettledKeep: nil} {
		w := vanished(t, 2*time.Minute)
		w.redeemed(user(1))
		w.want("gone")
		w.now = w.now.Add(1000 * time.Hour)
		w.want("however long")
		w.memory = merge.Settle(w.memory, user(1), word)
		w.want("a person said "+string(word), want...)
		if w.look(); w.held(fault.HeldRowVanished) {
			t.Errorf("%s: still held", word)
		}
	}
}

func TestVanishedWithItsMemberIsWithdrawn(t *testing.T) {
	w := vanished(t, 2*time.Minute)
	delete(w.vault.Members, user(1))
	w.want("gone")
	w.now = w.now.Add(3 * time.Minute)
	w.want("row and member", "revoke")
}

// Rows and members are two tables: one look may have read them torn.
func TestMemberThatIsMissingInOneLookEndsNoRow(t *testing.T) {
	w := vanished(t, 2*time.Minute)
	w.want("gone")
	w.now = w.now.Add(3 * time.Minute)
	w.want("its member is there")
	delete(w.vault.Members, user(1))
	w.want("missing in one look")
	w.vault.Members[user(1)] = true
	w.want("there again")
	delete(w.vault.Members, user(1))
	w.want("missing in one look again")
	w.want("missing in two", "revoke")
}

func TestMembersThatMayNotBeReadCountAsThere(t *testing.T) {
	w := vanished(t, 2*time.Minute)
	w.vault.Members = nil
	w.want("gone")
	w.now = w.now.Add(3 * time.Minute)
	w.want("nobody can say")
	if !w.held(fault.HeldRowVanished) {
		t.Error("not held")
	}
}

func TestFailedOfferTriedAgainIsTheSameOffer(t *testing.T) {
	w := vanished(t, 2*time.Minute)
	w.want("gone")
	w.offer(1, "mum@home.test")
	w.want("back under another id")
	w.now = w.now.Add(100 * time.Hour)
	w.want("nothing is left to withdraw")
	if len(w.memory.Holds) > 0 {
		t.Errorf("holds: %+v", w.memory.Holds)
	}
}

func TestFailedOfferTriedWithAnotherAddressIsAChange(t *testing.T) {
	w := vanished(t, 2*time.Minute)
	w.now = w.now.Add(3 * time.Minute)
	w.want("gone")
	w.now = w.now.Add(3 * time.Minute)
	w.want("held")
	w.offer(1, "dad@home.test")
	got := w.want("another address", "change-sponsorship")
	if c := got[0].Args.(jobs.ChangeSponsorship); c.OrganizationUserID != user(1) || c.SponsoredEmail != "dad@home.test" {
		t.Errorf("change: %+v", c)
	}
	w.now = w.now.Add(100 * time.Hour)
	if w.want("nothing is left to withdraw"); len(w.memory.Holds) > 0 {
		t.Errorf("holds: %+v", w.memory.Holds)
	}
}

func TestWhatTheServerDropsByItselfIsNoWish(t *testing.T) {
	for name, end := range map[string]func(*world, string){
		"purged": func(w *world, id string) {
			long := w.now.AddDate(0, 0, -91)
			w.row(id).ValidUntil = &long
			w.look()
		},
		"detached": func(w *world, id string) { w.vault.Detached = map[string]bool{id: true} },
		"our own delete": func(w *world, id string) {
			link := w.memory.Links[id]
			link.Deleted = true
			w.memory.Links[id] = link
		},
		"removed before": func(w *world, _ string) { delete(w.ledger, user(1)) },
	} {
		w := takenOver(t)
		id := w.offer(1, "mum@home.test")
		w.settle()
		end(w, id)
		w.delete(id)
		w.want(name)
		w.now = w.now.Add(100 * time.Hour)
		w.want(name + ", later")
		if len(w.memory.Holds) > 0 {
			t.Errorf("%s: holds %+v", name, w.memory.Holds)
		}
	}
}

func TestKeyIsLetGoOnceItsRowIsGoneAndItsOfferWithdrawn(t *testing.T) {
	w := vanished(t, 0)
	w.want("gone")
	w.now = w.now.Add(3 * time.Minute)
	withdrawal := w.want("the grace is over", "revoke")
	if p := w.plan(); len(p.Unlink) > 0 {
		t.Errorf("let go before its withdrawal has taken effect: %v", p.Unlink)
	}
	w.work(withdrawal)
	w.sync()
	if p := w.plan(); len(p.Unlink) != 1 || p.Unlink[0] != user(1) {
		t.Errorf("let go: %v", p.Unlink)
	}
	w.offer(1, "dad@home.test")
	if p := w.plan(); len(p.Unlink) > 0 || len(p.Jobs) != 1 {
		t.Errorf("let go of what a new row asks for: %v, jobs %v", p.Unlink, p.Jobs)
	}
}

// A restored copy brings the member's former row back and takes the present one away, both of
// one key. The row that is there carries it on once its member has offered again; else what
// the present one stood for is withdrawn.
func TestARowThatVanishedWithdrawsNothingThatAnotherCarriesOn(t *testing.T) {
	for _, again := range []bool{true, false} {
		w := takenOver(t)
		former := w.offer(1, "mum@home.test")
		w.settle()
		row := *w.row(former)
		w.delete(former)
		w.look()
		next := w.offer(1, "dad@home.test")
		w.settle()
		w.delete(next)
		w.vault.Rows = append(w.vault.Rows, row)
		w.look()
		if again {
			w.row(former).Email = "sis@home.test"
		}
		w.memory = merge.Resume(w.memory, w.now)
		w.jobs = nil
		for range 3 {
			w.now = w.now.Add(3 * time.Minute)
			w.settle()
		}
		last, is := w.jobs[len(w.jobs)-1].Args.(jobs.ChangeSponsorship)
		if !is || len(w.jobs) != 1 || last.Revoke == again {
			t.Errorf("offered again %t: %+v", again, w.jobs)
		}
	}
}
