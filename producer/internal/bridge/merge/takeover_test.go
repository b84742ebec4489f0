package merge_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

func (w *world) dated(id string) string {
	synced := w.now.Add(-24 * time.Hour)
	w.row(id).Synced = &synced
	return id
}

func TestNothingIsTakenOverBeforeThereIsAConnection(t *testing.T) {
	w := newWorld(t)
	w.vault.Connections = nil
	w.offer(1, "mum@home.test")
	w.want("no connection")
	if !w.memory.TakenOver.IsZero() || !w.plan().Disconnected {
		t.Errorf("memory %+v", w.memory)
	}
}

func TestDatedRowsAreAdopted(t *testing.T) {
	w := newWorld(t)
	w.dated(w.offer(1, "mum@home.test"))
	got := w.want("take-over", "adopt")
	if got[0].Unconfirmed {
		t.Error("a dated row is confirmed")
	}
	w.work(got)
	w.want("once")
}

func TestMarkedRowsAreAdoptedAsWithdrawn(t *testing.T) {
	w := newWorld(t)
	w.row(w.offer(1, "mum@home.test")).Marked = true
	w.row(w.dated(w.offer(2, "dad@home.test"))).Marked = true
	for _, j := range w.want("take-over", "adopt", "adopt") {
		if a := j.Args.(jobs.Adopt); !a.Revoke {
			t.Errorf("%+v", a)
		}
	}
}

func TestUndatedRowsWaitForAnAnswerWhereTheJobDatesNothing(t *testing.T) {
	for answer, want := range map[merge.OfficialJob]string{merge.OfficialJobRan: "adopt", merge.OfficialJobNever: "redeem"} {
		w := newWorld(t)
		w.dated(w.offer(1, "mum@home.test"))
		w.offer(2, "dad@home.test")
		w.want("take-over", "adopt")
		w.want("nobody has answered")
		if !w.held(fault.HeldTakeOver) || w.plan().Counts.Unknown != 1 {
			t.Fatalf("holds %+v", w.memory.Holds)
		}
		w.offer(3, "new@home.test")
		w.want("what is new does not wait", "redeem")
		w.memory = merge.Answer(w.memory, answer)
		if got := w.want("answered "+string(answer), want); got[0].Unconfirmed != (answer == merge.OfficialJobRan) {
			t.Errorf("%s: unconfirmed %v", answer, got[0].Unconfirmed)
		}
		if w.look(); w.held(fault.HeldTakeOver) {
			t.Error("still held")
		}
	}
}

func TestUndatedRowsAreOfferedWhereTheJobDatesThem(t *testing.T) {
	w := newWorld(t)
	w.rules.DatesByJob = true
	w.offer(1, "mum@home.test")
	w.want("take-over", "redeem")
}

func TestRowsWhoseAccountIsGoneAreNotOfferedAtTakeOver(t *testing.T) {
	for name, datesByJob := range map[string]bool{"the job dates its rows": true, "it dates nothing": false} {
		w := newWorld(t)
		w.rules.DatesByJob = datesByJob
		w.offer(1, "mum@home.test")
		w.row(w.dated(w.offer(2, "a@home.test"))).Admin = true
		w.row(w.offer(2, "b@home.test")).Admin = true
		w.vault.Members[user(999)] = true
		delete(w.vault.Members, user(1))
		delete(w.vault.Members, user(2))
		w.work(w.want(name, "adopt"))
		w.memory = merge.Answer(w.memory, merge.OfficialJobNever)
		w.want(name + ", again")
		if w.held(fault.HeldTakeOver) || !w.odd(merge.OddOrphan) {
			t.Errorf("%s: holds %+v, or the orphans are not shown", name, w.memory.Holds)
		}
	}
}

func TestOfAnAdminsRowsTheCloudKnowsOne(t *testing.T) {
	w := newWorld(t)
	w.rules.DatesByJob = true
	w.row(w.offer(1, "a@home.test")).Admin = true
	w.row(w.dated(w.offer(1, "b@home.test"))).Admin = true
	w.offer(1, "own@home.test")
	got := w.want("take-over", "redeem", "adopt")
	if a := got[1].Args.(jobs.Adopt); a.OrganizationUserID != user(1) || a.SponsoredEmail != "b@home.test" {
		t.Errorf("adopted: %+v", a)
	}
	if r := got[0].Args.(jobs.Redeem); r.SponsorshipID() == user(1) {
		t.Errorf("offered under the key that the cloud knows: %+v", r)
	}
	if w.work(got); !w.odd(merge.OddTwoRows) {
		t.Error("nobody is told of the admin's own row")
	}
	w.want("again")
}

// The official job sent each of them under the member's own id, of which the cloud keeps one.
func TestOfAnAdminsDatedRowsOneIsAdopted(t *testing.T) {
	w := newWorld(t)
	w.row(w.dated(w.offer(1, "a@home.test"))).Admin = true
	w.row(w.dated(w.offer(1, "b@home.test"))).Admin = true
	got := w.want("take-over", "adopt", "redeem")
	if r := got[1].Args.(jobs.Redeem); r.SponsoredEmail != "b@home.test" || r.SponsorshipID() == user(1) {
		t.Errorf("the other one: %+v", r)
	}
	w.work(got)
	w.want("again")
}

func TestLostMemoryHolds(t *testing.T) {
	w := newWorld(t)
	w.ledger[user(1)] = sponsorship.Sponsorship{UserID: user(1), Email: "mum@home.test", Status: sponsorship.Sent, Vault: true}
	w.offer(1, "mum@home.test")
	w.offer(2, "dad@home.test")
	w.want("nothing is remembered")
	if !w.held(fault.HeldMemoryLost) {
		t.Fatalf("holds: %+v", w.memory.Holds)
	}
	w.want("held")
	w.memory = merge.Resume(merge.Answer(w.memory, merge.OfficialJobNever), w.now)
	w.want("resumed: what the ledger has is linked", "redeem")
}

func TestConnectionFollowsTheVault(t *testing.T) {
	w := newWorld(t)
	if c := w.plan().Connect; c == nil || c.Token != "token" {
		t.Fatalf("first look: %+v", c)
	}
	w.look()
	if c := w.plan().Connect; c != nil {
		t.Errorf("unchanged: %+v", c)
	}
	w.vault.Connections[0].Token, w.vault.Connections[0].Enabled = "other", false
	if c := w.plan().Connect; c == nil || c.Token != "other" {
		t.Errorf("another token: %+v", c)
	}
	w.vault.Connections[0].Token = ""
	if p := w.plan(); p.Connect != nil || !p.Disconnected {
		t.Errorf("no token: %+v", p.Connect)
	}
}

func TestAnotherCloudOrganizationHoldsWhileRowsAreThere(t *testing.T) {
	w := newWorld(t)
	w.look()
	w.vault.Connections[0].CloudOrganization = user(901)
	if w.plan().Connect == nil {
		t.Error("nothing is with the cloud: the other one is to be used")
	}
	w.vault.Connections[0].CloudOrganization = user(900)
	w.offer(1, "mum@home.test")
	w.settle()
	w.vault.Connections[0].CloudOrganization = user(901)
	w.offer(2, "dad@home.test")
	w.want("another one")
	if p := w.plan(); !w.held(fault.HeldConnectionChanged) || p.Connect != nil {
		t.Fatalf("holds %+v, connect %+v", w.memory.Holds, p.Connect)
	}
	w.memory = merge.Resume(w.memory, w.now)
	if p := w.plan(); p.Connect == nil || len(p.Jobs) != 1 {
		t.Errorf("resumed: connect %+v, jobs %v", p.Connect, p.Jobs)
	}
}

func TestOfTwoConnectionsTheRememberedOneIsUsed(t *testing.T) {
	w := newWorld(t)
	w.look()
	other := w.vault.Connections[0]
	other.ID, other.Token = "c0", "other"
	w.vault.Connections = append(w.vault.Connections[:0:0], other, w.vault.Connections[0])
	if p := w.plan(); p.Connect != nil || !w.odd(merge.OddConnection) {
		t.Errorf("connect %+v, odd %+v", p.Connect, p.Odd)
	}
}

func TestOfferAgainAfterATakenOverMarkWaitsForTheWithdrawal(t *testing.T) {
	w := newWorld(t)
	id := w.offer(1, "mum@home.test")
	w.row(id).Marked = true
	w.work(w.want("take-over", "adopt"))
	w.row(id).Marked, w.row(id).Name = false, "Mum"
	w.want("offered again before the first sync has withdrawn it")
	w.sync()
	w.want("after removed", "redeem")
}

// The cloud may know the admin's offer to a guest under the admin's own id: until somebody has
// said so, the admin's own offer must not go there.
func TestAnAdminsOwnOfferWaitsForTheAnswerAboutTheirGuest(t *testing.T) {
	for answer, want := range map[merge.OfficialJob][]string{merge.OfficialJobRan: {"adopt"}, merge.OfficialJobNever: {"redeem", "redeem"}} {
		w := newWorld(t)
		w.row(w.offer(1, "guest@home.test")).Admin = true
		w.want("take-over")
		own := w.offer(1, "mum@home.test")
		w.want("nobody has answered")
		w.memory = merge.Answer(w.memory, answer)
		w.settle()
		if got := w.kinds(); !slices.Equal(got, want) {
			t.Errorf("%s: %v", answer, got)
		}
		if waits := w.odd(merge.OddTwoRows); waits != (answer == merge.OfficialJobRan) {
			t.Errorf("%s: the own offer %s waits: %t", answer, own, waits)
		}
	}
}

// kinds are those of all jobs so far.
func (w *world) kinds() (kinds []string) {
	for _, j := range w.jobs {
		kinds = append(kinds, string(j.Args.Kind()))
	}
	return kinds
}
