package merge_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

func TestNewOfferIsRedeemedOnce(t *testing.T) {
	w := takenOver(t)
	w.offer(1, "mum@home.test")
	first := w.want("new row", "redeem")
	w.want("the same row, nothing carried out yet")
	w.work(first)
	w.sync()
	w.want("the same row, sent")
}

func TestSameWishHasTheSameIDWhoeverPlansIt(t *testing.T) {
	w := takenOver(t)
	w.offer(1, "mum@home.test")
	a := w.plan().Jobs
	w.now = w.now.Add(time.Second)
	b := w.plan().Jobs // by another bridge, a moment later
	if len(a) != 1 || len(b) != 1 || a[0].ID != b[0].ID {
		t.Errorf("two plans of one wish: %v and %v", a, b)
	}
}

func TestOfferMadeAgainToAnotherAddressIsAChange(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	w.row(id).Email, w.row(id).Name = "dad@home.test", "dad@home.test"
	got := w.want("same id, other address", "change-sponsorship")
	if c := got[0].Args.(jobs.ChangeSponsorship); c.SponsoredEmail != "dad@home.test" || c.OrganizationUserID != user(1) {
		t.Errorf("change: %+v", c)
	}
	w.want("again")
}

func TestChangeWaitsForTheJobBeforeIt(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	job := w.look()[0].ID
	w.open[job] = true
	w.row(id).Email = "dad@home.test"
	w.want("the redeem has not been worked on")
	w.open[job] = false
	w.work(w.jobs)
	w.want("it has", "change-sponsorship")
}

func TestMarkedRowIsWithdrawnAtOnceAndOnce(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	job := w.look()[0].ID
	w.open[job] = true
	w.row(id).Marked = true
	w.want("marked while its redeem waits", "revoke")
	w.open[job] = false
	w.work(w.jobs)
	w.sync()
	for range 10 {
		w.want("a marked row that stays")
	}
}

func TestMarkThatBringsAnOldAddressBackIsARevoke(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	w.row(id).Email = "dad@home.test"
	w.settle()
	w.row(id).Email, w.row(id).Marked = "mum@home.test", true
	w.want("marked, with the address before the last", "revoke")
}

func TestOfferAgainAfterAMarkWaitsForTheWithdrawal(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	w.row(id).Marked = true
	w.work(w.want("marked", "revoke"))
	w.row(id).Marked, w.row(id).Name = false, "Mum"
	w.want("offered again while the revoke is under way")
	if p := w.plan(); len(p.Waiting) != 1 || p.Waiting[0].Reason.Code != "revocation_pending" {
		t.Errorf("waiting: %+v", p.Waiting)
	}
	w.sync()
	w.want("after removed", "redeem")
}

func TestRevokeFromElsewhereIsNotUndone(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	s := w.ledger[user(1)]
	s.Status = sponsorship.Removed
	w.ledger[user(1)] = s
	w.want("the row has not changed")
	w.row(id).Name = "Mum"
	w.want("the member has changed it", "redeem")
}

func TestAddressIsNotOfferedWhileItIsWithdrawnUnderAnotherKey(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	w.delete(id)
	w.offer(2, "Mum@home.test")
	w.want("the first is gone for less than the grace")
	w.now = w.now.Add(3 * time.Minute)
	w.work(w.want("the first counts as given up", "revoke"))
	w.want("its withdrawal is under way")
	w.sync()
	w.want("it is gone", "redeem")
}

func TestAdminOffersHaveKeysOfTheirOwn(t *testing.T) {
	w := takenOver(t)
	for _, address := range []string{"a@home.test", "b@home.test"} {
		w.row(w.offer(1, address)).Admin = true
	}
	got := w.want("two rows of one admin", "redeem", "redeem")
	if a, b := got[0].Args.(jobs.Redeem), got[1].Args.(jobs.Redeem); a.SponsorshipID() == b.SponsorshipID() || !a.AdminInitiated {
		t.Errorf("keys %s and %s", a.SponsorshipID(), b.SponsorshipID())
	}
}

func TestSecondRowOfOneMemberWaits(t *testing.T) {
	w := takenOver(t)
	w.offer(1, "mum@home.test")
	w.offer(1, "dad@home.test")
	w.work(w.want("two own rows", "redeem"))
	w.want("the second waits")
	if !w.odd(merge.OddTwoRows) {
		t.Error("nobody is told")
	}
}

func TestOfferOfWhatSomebodyTypedIsTakenOverWithoutAMail(t *testing.T) {
	w := takenOver(t)
	w.ledger[user(1)] = sponsorship.Sponsorship{UserID: user(1), Email: "Mum@home.test", Status: sponsorship.Sent}
	w.offer(1, "mum@home.test")
	w.work(w.want("the ledger has it", "adopt"))
	w.want("again")
}

func TestEntryWithoutARowIsReportedAndLeftAlone(t *testing.T) {
	w := takenOver(t)
	w.ledger[user(7)] = sponsorship.Sponsorship{UserID: user(7), Email: "x@home.test", Status: sponsorship.Sent}
	w.now = w.now.Add(100 * time.Hour)
	w.want("no row")
	if !w.odd(merge.OddUnlinked) {
		t.Error("nobody is told")
	}
}

func TestOddRowsMakeNoJob(t *testing.T) {
	for name, c := range map[string]struct {
		row  vault.Row
		kind merge.OddKind
	}{
		"no address":    {vault.Row{User: user(1)}, merge.OddAddress},
		"bad address":   {vault.Row{User: user(1), Email: "not an address"}, merge.OddAddress},
		"no member":     {vault.Row{User: "00000000-0000-0000-0000-000000000000", Email: "a@home.test"}, merge.OddMember},
		"never a wish":  {vault.Row{User: user(1), Email: "a@home.test", Marked: true}, merge.OddZombie},
		"account is no": {vault.Row{User: user(5), Email: "a@home.test"}, merge.OddOrphan},
	} {
		t.Run(name, func(t *testing.T) {
			w := takenOver(t)
			w.vault.Members[user(1)] = true
			c.row.ID = rowID(w.now, 1)
			w.vault.Rows = append(w.vault.Rows, c.row)
			w.want("first look")
			w.want("second look")
			if !w.odd(c.kind) {
				t.Errorf("odd: %+v, want %s", w.plan().Odd, c.kind)
			}
		})
	}
}

func TestDateThatNobodyReadsIsShownAndHoldsNothing(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	w.row(id).Unreadable = []string{"LastSyncDate"}
	w.want("unreadable")
	if !w.odd(merge.OddDate) || len(w.memory.Holds) > 0 {
		t.Errorf("odd %+v, holds %+v", w.plan().Odd, w.memory.Holds)
	}
}

func TestOrphanIsWithdrawnWhereThatIsTheRule(t *testing.T) {
	for _, withdraw := range []bool{false, true} {
		w := takenOver(t)
		w.rules.WithdrawOrphans = withdraw
		w.offer(1, "mum@home.test")
		w.settle()
		delete(w.vault.Members, user(1))
		w.want("one look may be torn")
		if !withdraw {
			w.want("only shown")
			continue
		}
		w.work(w.want("the second look", "revoke"))
		w.want("once")
	}
}

// A bridge that is killed between a job's place and the queue leaves a job that nobody will
// run: the next one must neither wait for it for ever nor forget whose wish it was.
func TestAJobThatOnlyGotItsPlaceIsAskedForAgain(t *testing.T) {
	w := takenOver(t)
	w.offer(1, "mum@example.com")
	p := w.plan()
	w.memory = p.Asked(w.memory)
	w.open[p.Jobs[0].ID] = true
	for range 2 {
		w.memory = merge.Reached(w.memory, w.open)
		w.want("while it may be on its way")
	}
	delete(w.open, p.Jobs[0].ID)
	w.memory = merge.Reached(w.memory, w.open)
	if again := w.want("once it is known to be lost", "redeem"); again[0].ID != p.Jobs[0].ID {
		t.Errorf("it has another id: %s, then %s", p.Jobs[0].ID, again[0].ID)
	}
}

func TestAnAddressThatComesTooLateIsShown(t *testing.T) {
	w := takenOver(t)
	id := w.offer(1, "mum@home.test")
	w.settle()
	w.redeemed(user(1))
	if w.odd(merge.OddRedeemed) {
		t.Error("odd as it is")
	}
	w.row(id).Email = "dad@home.test"
	w.settle() // the change is refused
	if !w.odd(merge.OddRedeemed) {
		t.Errorf("nobody is told: %v", w.plan().Odd)
	}
}
