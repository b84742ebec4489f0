package merge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

func TestNothingIsWrittenWhileItIsHeldOrSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, reason := range []fault.Held{
		fault.HeldRestored, fault.HeldOfficialJob, fault.HeldMemoryLost, fault.HeldConnectionChanged, fault.HeldSourceMissing,
		fault.HeldFirstWrite, fault.HeldSchema,
	} {
		w, _ := writing(t)
		w.state(set(sponsorship.Sent, "", &synced, nil))
		w.memory.Holds = append(w.memory.Holds, merge.Hold{Reason: reason})
		if p := w.plan(); len(p.Writes) > 0 {
			t.Errorf("held for %s: it is told %q", reason, words(p.Writes))
		}
	}
	w, _ := writing(t)
	w.state(set(sponsorship.Sent, "", &synced, nil))
	w.rules.Writes = false
	if p := w.plan(); len(p.Writes) > 0 || p.Counts.Writes > 0 {
		t.Errorf("in read mode it is told %q", words(p.Writes))
	}
	w.rules.Writes, w.vault.Found = true, false
	if p := w.plan(); len(p.Writes) > 0 {
		t.Errorf("without its organization it is told %q", words(p.Writes))
	}
}

// The first write of an organization stops everything until a person has let it through.
func TestTheFirstWriteWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w := takenOver(t)
	w.rules.Writes = true
	w.offer(1, "mum@home.test")
	w.carryOut()
	if w.held(fault.HeldFirstWrite) {
		t.Fatal("held though nothing is to be written")
	}
	w.state(set(sponsorship.Sent, "", &synced, nil))
	w.offer(2, "dad@home.test")
	for range 2 {
		if p := w.plan(); len(p.Writes) > 0 || p.Counts.Writes != 1 {
			t.Fatalf("it is told %q, and %d are counted, want 1", words(p.Writes), p.Counts.Writes)
		}
		w.want("while it is held")
		if !w.held(fault.HeldFirstWrite) {
			t.Fatal("the first write is not held")
		}
	}
	w.memory = merge.Resume(w.memory, w.now)
	if got := words(w.plan().Writes); got != "[LastSyncDate];" {
		t.Errorf("once it is resumed it is told %q", got)
	}
	w.want("once it is resumed", "redeem")
}

func TestReadModeEndsTheHoldOfTheFirstWrite(t *testing.T) {
	t.Parallel()
	w := takenOver(t)
	w.memory.Holds = append(w.memory.Holds, merge.Hold{Reason: fault.HeldFirstWrite})
	w.look()
	if w.held(fault.HeldFirstWrite) {
		t.Error("nothing is written any more, and it is still held")
	}
}

// The row was offered anew, and the job of it died: the ledger's former end is none of it.
func TestADeadOfferIsNotTakenForTheEndOfItsRow(t *testing.T) {
	t.Parallel()
	w, id := writing(t)
	w.state(set(sponsorship.Removed, "", &synced, nil))
	r := w.row(id)
	r.Name = "another name" // offered again, to the same person
	all := w.look()
	if len(all) != 1 {
		t.Fatalf("jobs %v, want an offer", all)
	}
	w.open[all[0].ID] = false // dead
	w.look()
	if got := words(w.plan().Writes); got != "" {
		t.Errorf("it is told %q", got)
	}
}

// Whoever is stopped on its way to a write may still make it, and it must not look like the
// official job's then.
func TestADateThatWasMeantOnceIsOurs(t *testing.T) {
	t.Parallel()
	w, id := writing(t)
	w.state(set(sponsorship.Sent, "", &synced, nil))
	meant := w.plan()
	w.look()                       // promised, and killed before it was written
	later := synced.Add(time.Hour) // the cloud has answered once more
	w.state(set(sponsorship.Sent, "", &later, nil))
	w.look() // promised the later one
	w.row(id).Synced = meant.Writes[0].Synced
	w.look()
	if w.held(fault.HeldOfficialJob) {
		t.Error("its own date is taken for the official job's")
	}
	other := later.Add(time.Hour)
	w.row(id).Synced = &other
	w.look()
	if !w.held(fault.HeldOfficialJob) {
		t.Error("a date of somebody else is not noticed")
	}
}

// A sync that answered for many does not keep the vault busy, and a row that is stuck keeps
// nobody waiting.
func TestFewRowsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	w := takenOver(t)
	w.rules.Writes = true
	w.memory = allowed(w.memory)
	w.memory.AllowedOffers = 500
	for n := 1; n <= 250; n++ {
		w.offer(n, fmt.Sprintf("home%d@home.test", n))
	}
	w.carryOut()
	for n := 1; n <= 250; n++ {
		s := w.ledger[user(n)]
		s.Status, s.Intent, s.LastSyncAt = sponsorship.Sent, "", &synced
		w.ledger[user(n)] = s
	}
	tried := map[string]bool{}
	for _, left := range []int{150, 150, 150} { // none of them works
		p := w.plan()
		if len(p.Writes) != 100 || p.Later != left || p.Counts.Writes != 250 {
			t.Fatalf("%d rows are told, %d left, %d counted", len(p.Writes), p.Later, p.Counts.Writes)
		}
		for _, write := range p.Writes {
			tried[write.Was.ID] = true
		}
		w.look()
	}
	if len(tried) != 250 {
		t.Errorf("%d rows were tried, want all", len(tried))
	}
}

func TestWhatWasWrittenIsRememberedAsSeen(t *testing.T) {
	t.Parallel()
	w, id := writing(t)
	w.state(set(sponsorship.Expiring, "", &synced, &until))
	p := w.plan()
	row := *w.row(id)
	row.Marked, row.Synced, row.ValidUntil = true, p.Writes[0].Synced, p.Writes[0].ValidUntil
	for outcome, count := range map[vault.Outcome]int{vault.Written: 1, vault.Overtaken: 0, vault.Busy: 0} {
		m := merge.Wrote(p.Memory, []merge.Done{{Write: p.Writes[0], Outcome: outcome}}, w.now)
		if m.Writes != count {
			t.Errorf("%s: %d writes are counted, want %d", outcome, m.Writes, count)
		}
		if link := m.Links[id]; link.Marked != (outcome == vault.Written) || link.Tries > 0 != (outcome != vault.Written) {
			t.Errorf("%s: remembered %+v", outcome, link)
		}
	}
	w.memory = merge.Wrote(p.Memory, []merge.Done{{Write: p.Writes[0], Outcome: vault.Written}}, w.now)
	*w.row(id) = row
	w.want("after the write")
	if p := w.plan(); len(p.Writes) > 0 || len(p.Memory.Holds) > 0 {
		t.Errorf("it is told again: %q, holds %v", words(p.Writes), p.Memory.Holds)
	}
}
