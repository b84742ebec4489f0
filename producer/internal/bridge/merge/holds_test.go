package merge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// crowd is a world with n members whose offers were sent.
func crowd(t *testing.T, n int) (*world, []string) {
	w := takenOver(t)
	var ids []string
	for i := range n {
		ids = append(ids, w.offer(i+1, fmt.Sprintf("a%d@home.test", i)))
		if i%40 == 39 {
			w.settle()
		}
	}
	w.settle()
	w.now = w.now.Add(25 * time.Hour)
	return w, ids
}

func (w *world) count(all []merge.Job, kind string) int {
	n := 0
	for _, j := range all {
		if string(j.Args.Kind()) == kind {
			n++
		}
	}
	return n
}

func TestManyWithdrawalsWithinADayAreHeld(t *testing.T) {
	for _, c := range []struct{ rows, marked, want int }{{20, 5, 5}, {20, 6, 0}, {100, 10, 10}, {100, 11, 0}} {
		w, ids := crowd(t, c.rows)
		for _, id := range ids[:c.marked] {
			w.row(id).Marked = true
		}
		if got := len(w.look()); got != c.want || w.held(fault.HeldMassWithdrawal) != (c.want == 0) {
			t.Errorf("%d of %d marked: %d withdrawn, holds %+v", c.marked, c.rows, got, w.memory.Holds)
		}
	}
}

func TestWithdrawalsOfOneDayAddUp(t *testing.T) {
	w, ids := crowd(t, 20)
	for i, id := range ids[:5] {
		w.row(id).Marked = true
		w.now = w.now.Add(time.Hour)
		w.want(fmt.Sprintf("number %d", i+1), "revoke")
	}
	w.row(ids[5]).Marked = true
	w.want("the sixth of the day")
	w.offer(50, "new@home.test")
	w.want("offers go on", "redeem")
	w.memory = merge.Resume(w.memory, w.now)
	w.want("resumed", "revoke")
	for _, id := range ids[6:11] {
		w.row(id).Marked = true
	}
	w.look()
	if w.held(fault.HeldMassWithdrawal) {
		t.Error("the count did not start anew")
	}
}

func TestManyOffersInOneLookAreHeld(t *testing.T) {
	for _, n := range []int{50, 51} {
		w := takenOver(t)
		for i := range n {
			w.offer(i+1, fmt.Sprintf("a%d@home.test", i))
		}
		got := w.look()
		if n == 50 && len(got) != 50 || n == 51 && (len(got) != 0 || !w.held(fault.HeldMassOffer)) {
			t.Fatalf("%d offers: %d made, holds %+v", n, len(got), w.memory.Holds)
		}
		if n == 51 {
			w.memory = merge.Resume(w.memory, w.now)
			if got := w.count(w.look(), "redeem"); got != n {
				t.Errorf("resumed: %d of %d offers", got, n)
			}
		}
	}
}

func TestNothingIsWithdrawnWhileTheSourceIsMissing(t *testing.T) {
	for name, lose := range map[string]func(*world){
		"organization": func(w *world) { w.vault.Found = false },
		"connection":   func(w *world) { w.vault.Connections = nil },
		"all members":  func(w *world) { w.vault.Members = map[sponsorship.ID]bool{} },
	} {
		w := takenOver(t)
		w.rules.WithdrawOrphans = true
		id := w.offer(1, "mum@home.test")
		w.settle()
		lose(w)
		w.row(id).Marked = true
		w.want(name + " missing in one look")
		if w.held(fault.HeldSourceMissing) {
			t.Errorf("%s: held by one look", name)
		}
		w.want(name + " missing in two")
		if !w.held(fault.HeldSourceMissing) {
			t.Fatalf("%s: holds %+v", name, w.memory.Holds)
		}
		w.memory = merge.Resume(w.memory, w.now)
		w.want(name+" resumed", "revoke")
	}
}

func TestSourceThatIsMissingForOneLookCostsNothing(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	connections := w.vault.Connections
	w.vault.Connections = nil
	w.row(id).Marked = true
	w.want("missing")
	w.vault.Connections = connections
	w.want("there again", "revoke")
}

func TestRestoredCopiesAreHeld(t *testing.T) {
	for name, restore := range map[string]func(*world, string, string){
		"a row came back":        func(w *world, id, _ string) { w.comeBack(id) },
		"an old row nobody saw":  func(w *world, _, _ string) { w.appear(61 * time.Minute) },
		"dates went back in two": func(w *world, id, other string) { w.undate(id); w.undate(other) },
		"schema went back":       func(w *world, _, _ string) { w.vault.Head = "20260101000000" },
	} {
		w, a, b := datedPair(t)
		restore(w, a, b)
		w.offer(60, "new@home.test")
		w.want(name)
		if !w.held(fault.HeldRestored) {
			t.Errorf("%s: holds %+v", name, w.memory.Holds)
		}
		w.want(name + ", held")
		w.memory = merge.Resume(w.memory, w.now)
		for _, j := range w.look() {
			if j.Row == a || j.Row == b {
				t.Errorf("%s: %+v after resume", name, j.Args)
			}
		}
		if w.look(); w.held(fault.HeldRestored) {
			t.Errorf("%s: held again", name)
		}
	}
}

func TestJustLessThanARestoredCopyIsNotHeld(t *testing.T) {
	for name, change := range map[string]func(*world, string, string){
		"a row born within the hour": func(w *world, _, _ string) { w.appear(59 * time.Minute) },
		"one date went back":         func(w *world, id, _ string) { w.undate(id) },
		"marks bring dates back": func(w *world, a, b string) {
			w.undate(a)
			w.undate(b)
			w.row(a).Marked, w.row(b).Marked = true, true
		},
		"offered again": func(w *world, a, b string) {
			w.undate(a)
			w.undate(b)
			w.row(a).Email, w.row(b).Email = "x@home.test", "y@home.test"
		},
		"a schema of later date": func(w *world, _, _ string) { w.vault.Head = "20270101000000" },
	} {
		w, a, b := datedPair(t)
		change(w, a, b)
		if w.look(); len(w.memory.Holds) > 0 {
			t.Errorf("%s: holds %+v", name, w.memory.Holds)
		}
	}
}

// datedPair is a world with two rows that bear our dates.
func datedPair(t *testing.T) (w *world, a, b string) {
	w = takenOver(t)
	a, b = w.offer(1, "a@home.test"), w.offer(2, "b@home.test")
	w.settle()
	for i, id := range []string{a, b} {
		written := w.now
		s := w.ledger[user(i+1)]
		s.LastSyncAt = &written
		w.ledger[user(i+1)] = s
		w.row(id).Synced = &written
	}
	w.look()
	w.now = w.now.Add(time.Hour)
	w.look()
	return w, a, b
}

func (w *world) comeBack(id string) {
	row := *w.row(id)
	w.delete(id)
	w.look()
	w.vault.Rows = append(w.vault.Rows, row)
}

func (w *world) undate(id string) { w.row(id).Synced = nil }

func (w *world) appear(age time.Duration) {
	id := w.offer(70, "old@home.test")
	w.row(id).ID = rowID(w.now.Add(-5*time.Second-age), 70)
}

func TestRowRemovedHereIsNotOfferedAgainByARestoredCopy(t *testing.T) {
	for name, address := range map[string]string{"as it was last": "mum@home.test", "as it was before": "former@home.test"} {
		w := takenOver(t)
		id := w.offer(1, "mum@home.test")
		w.settle()
		row := *w.row(id)
		w.delete(id)
		w.look()
		w.now = w.now.Add(3 * time.Minute)
		w.settle()
		row.Email = address
		w.vault.Rows = append(w.vault.Rows, row)
		w.want(name + ": it is back")
		w.memory = merge.Resume(w.memory, w.now)
		w.want(name + ", resumed: it stays as it is")
		w.want(name + ", and stays")
		if !w.odd(merge.OddNotOffered) {
			t.Errorf("%s: nobody is told: %v", name, w.plan().Odd)
		}
		w.row(id).Email = "dad@home.test"
		w.want(name+", until the member changes it", "redeem")
	}
}

// A hold may stand for hours: a member who offers again meanwhile is a member who offers.
func TestAnOfferMadeWhileARestoredCopyIsHeldCounts(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	row := *w.row(id)
	w.delete(id)
	w.settle()
	w.now = w.now.Add(3 * time.Minute)
	w.settle()
	w.vault.Rows = append(w.vault.Rows, row)
	w.want("it is back")
	w.row(id).Email = "dad@home.test"
	w.want("held still")
	w.memory = merge.Resume(w.memory, w.now)
	if got := w.want("resumed", "redeem"); got[0].Args.(jobs.Redeem).SponsoredEmail != "dad@home.test" {
		t.Errorf("%+v", got[0].Args)
	}
}

func TestDatesOfAnotherWriterAreHeld(t *testing.T) {
	w, a, _ := datedPair(t)
	later := w.now
	w.row(a).Synced = &later
	w.offer(60, "new@home.test")
	w.want("a date that is not ours")
	if !w.held(fault.HeldOfficialJob) {
		t.Fatalf("holds: %+v", w.memory.Holds)
	}
	w.memory = merge.Resume(w.memory, w.now)
	w.want("resumed", "redeem")
}

func TestDatesThatARevokePutsBackAreRemembered(t *testing.T) {
	w, a, _ := datedPair(t)
	former := *w.row(a).Synced
	ours := w.now
	s := w.ledger[user(1)]
	s.LastSyncAt = &ours
	w.ledger[user(1)] = s
	w.row(a).Synced = &ours
	w.want("ours")
	w.row(a).Synced, w.row(a).Marked = &former, true
	w.want("the mark, with the date before", "revoke")
	if len(w.memory.Holds) > 0 {
		t.Errorf("holds: %+v", w.memory.Holds)
	}
}
