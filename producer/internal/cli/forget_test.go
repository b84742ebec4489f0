package cli_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// kept is all that Redis holds of rows and jobs.
func (b *bundle) kept() string {
	b.t.Helper()
	var all strings.Builder
	for _, key := range jobstest.Value(b.rdb.Keys(b.t.Context(), "*").Result())(b.t) {
		if b.rdb.Type(b.t.Context(), key).Val() != "hash" {
			continue
		}
		for field, value := range jobstest.Value(b.rdb.HGetAll(b.t.Context(), key).Result())(b.t) {
			all.WriteString(key + " " + field + " " + value + "\n")
		}
	}
	return all.String()
}

func TestForgetErasesAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Removed, Email: address, Name: "Mum", Wire: sponsorship.Wire{Offered: address}})
	b.bury(jobs.Redeem{OrganizationID: acme, OrganizationUserID: member, SponsoredEmail: address}, errors.New("too bad"))
	requireContains(t, b.kept(), address)

	r := b.run("forget", "--org", acme, "--user", member)
	requireStatus(t, r, 2)
	requireContains(t, r.err, "there is no terminal to ask on; nothing was changed", "hint: give --yes")
	requireContains(t, b.kept(), address)

	r = b.run("forget", "--org", acme, "--user", strings.ToUpper(member), "--yes")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "forgot "+member+"; jobs dropped: 1")
	requireAbsent(t, b.kept()+r.out+r.err, address, "Mum")
	requireContains(t, b.run("status", "--org", acme).out, member, "(forgotten)")

	r = b.run("forget", "--org", acme, "--user", member, "--yes")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "nothing to forget")
}

func TestForgetRefusesWhatIsNotOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	end := time.Date(2027, 3, 4, 0, 0, 0, 0, time.UTC)
	for status, hint := range map[sponsorship.Status]string{
		sponsorship.Sent:     "withdraw it first: 'producer change-sponsorship --org " + acme + " --user " + member + " --revoke --wait'",
		sponsorship.Expiring: "in use until 2027-03-04",
	} {
		b.store(sponsorship.Sponsorship{UserID: member, Status: status, Email: address, ValidUntil: &end})
		waiting := b.enqueuedJobs()
		r := b.run("forget", "--org", acme, "--user", member, "--yes")
		requireStatus(t, r, 1)
		requireContains(t, r.err, "is not over: it is "+string(status), hint)
		requireContains(t, b.kept(), address)
		if b.enqueuedJobs() != waiting {
			t.Error("jobs were dropped")
		}
	}
}

func TestAQuestionTakesOnlyYes(t *testing.T) {
	t.Parallel()
	for answer, status := range map[string]int{"yes\n": 0, " YES ": 0, "y\n": 2, "no\n": 2, "\n": 2, "": 2} {
		b := setup(t)
		b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Removed, Email: address})
		var out, stderr buffer
		p := program(b.environ, strings.NewReader(answer), &out, &stderr)
		p.IsTerminal = func(stream any) bool { return stream == p.Stdin }
		if got := p.Run(t.Context(), []string{"forget", "--org", acme, "--user", member}); got != status {
			t.Errorf("%q ends with %d, want %d", answer, got, status)
		}
		requireContains(t, stderr.String(), "This erases address and name of "+member, "Type yes: ")
		if erased := !strings.Contains(b.kept(), address); erased != (status == 0) {
			t.Errorf("%q: erased %v", answer, erased)
		}
	}
}

// connected is an organization that syncs, with one sponsorship in each state that
// the cloud may know.
func connected(t *testing.T) *bundle {
	b := setup(t).withKey()
	requireStatus(t, b.runWith(token, "connect", "--org", acme, "--cloud-org", cloudAcme), 0)
	b.start()
	end := time.Date(2027, 3, 4, 0, 0, 0, 0, time.UTC)
	for i, s := range []sponsorship.Sponsorship{
		{Status: sponsorship.Sent, Wire: sponsorship.Wire{Offered: address, Known: true}},
		{Status: sponsorship.Redeemed, ValidUntil: &end, Wire: sponsorship.Wire{Offered: address, Known: true}},
		{Status: sponsorship.Expiring, ValidUntil: &end, Wire: sponsorship.Wire{Offered: address, Known: true}},
		{Status: sponsorship.Pending, Intent: sponsorship.IntentRedeem},
		{Status: sponsorship.Removed},
	} {
		s.UserID, s.Email = nth(i), address
		b.store(s)
	}
	return b
}

func nth(i int) sponsorship.ID { return sponsorship.ID(member[:35] + string(rune('0'+i))) }

func TestDisconnectSaysWhatLivesOn(t *testing.T) {
	t.Parallel()
	b := connected(t)
	requireStatus(t, b.run("disconnect", "--org", acme), 2)
	if _, err := b.ledger.Connection(t.Context(), acme); err != nil {
		t.Fatal("disconnected without a yes:", err)
	}
	r := b.run("disconnect", "--org", acme, "--yes")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "disconnected "+acme)
	requireContains(t, r.err, "3 offers live on in the cloud, and nobody here can withdraw them then", "offers that live on in the cloud: 3")
	requireAbsent(t, b.kept(), "token ") // the field's name
	org, known, err := b.ledger.Organization(t.Context(), acme)
	jobstest.Must(t, err)
	if !known || org.Connected || org.Started {
		t.Errorf("after it: %+v, known %v", org, known)
	}
	requireContains(t, b.kept(), address)
	r = b.run("disconnect", "--org", cloudAcme, "--yes")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "is not known here")
}

// withdrawing is a worker and a cloud that withdraw what they are told to.
func (b *bundle) withdrawing() {
	b.work(func(args jobs.Args) error {
		change := args.(jobs.ChangeSponsorship)
		if !change.Revoke {
			return dead{errors.New("not a revoke")}
		}
		rows, err := b.ledger.Get(b.t.Context(), acme, change.OrganizationUserID)
		if err != nil {
			return err
		}
		s := rows[0]
		s.Intent = ""
		if s.Status = sponsorship.Removed; s.ValidUntil != nil {
			s.Status = sponsorship.Expiring
		}
		b.store(s)
		return nil
	})
}

func TestDisconnectWithdrawsFirst(t *testing.T) {
	t.Parallel()
	b := connected(t)
	b.withdrawing()
	r := b.run("disconnect", "--org", acme, "--withdraw", "--forget", "--yes")
	requireStatus(t, r, 0)
	requireContains(t, r.err, "3 offers that live in the cloud are withdrawn first. All that is known of it here is erased.",
		"offers that live on in the cloud: 2")
	requireContains(t, r.out, "disconnected "+acme, "erased "+acme+"; jobs dropped: 3")
	requireAbsent(t, b.kept(), address, acme)
	orgs, err := b.ledger.Organizations(t.Context())
	jobstest.Must(t, err)
	jobstest.Equal(t, "organizations", len(orgs), 0)
}

func TestDisconnectWaitsNoLongerThanItShould(t *testing.T) {
	t.Parallel()
	b := connected(t) // nobody works
	r := b.run("disconnect", "--org", acme, "--withdraw", "--timeout", "2s", "--yes")
	requireStatus(t, r, 3)
	requireContains(t, r.err, "error: the wait has reached its limit", "what was enqueued is carried out all the same")
	if _, err := b.ledger.Connection(t.Context(), acme); err != nil {
		t.Error("disconnected although nothing was withdrawn:", err)
	}
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.ChangeSponsorship) bool { return a.Revoke && a.OrganizationUserID == nth(0) })
}

func TestDisconnectStaysWhenSomethingIsNotWithdrawn(t *testing.T) {
	t.Parallel()
	b := connected(t)
	b.work(func(jobs.Args) error { return dead{errors.New("too bad")} })
	b.store(sponsorship.Sponsorship{UserID: nth(3), Status: sponsorship.Removed})
	r := b.run("disconnect", "--org", acme, "--withdraw", "--yes")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "2 offers are not withdrawn, and nothing is disconnected", "producer jobs list")
	if _, err := b.ledger.Connection(t.Context(), acme); err != nil {
		t.Error("disconnected:", err)
	}
}

func TestDisconnectSaysWhyNothingCanBeWithdrawn(t *testing.T) {
	t.Parallel()
	b := connected(t)
	requireStatus(t, b.run("disconnect", "--org", acme, "--yes"), 0)
	r := b.run("disconnect", "--org", acme, "--withdraw", "--yes")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "it is not connected", "hint: ")
	b = connected(t)
	requireStatus(t, b.run("pause", "--org", acme), 0)
	requireContains(t, b.run("disconnect", "--org", acme, "--withdraw", "--yes").err, "nothing of it is sent", "producer resume")
	if b.enqueuedJobs() != 0 {
		t.Error("jobs were enqueued that nobody sends")
	}
}

// Should a row that is gone come back, it must be known again; whose it was need not be.
func TestForgetLeavesTheBridgeNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := time.Date(2026, 8, 20, 0, 0, 0, 0, time.UTC)
	store := memory.New(b.rdb, jobstest.Value(state.NewSealer(bytes.Repeat([]byte{7}, 32)))(t))
	before := merge.Memory{Links: map[string]merge.Link{
		"row": {Key: member, User: "the member's id", Email: "digest", Synced: gone, Gone: gone, Over: true},
	}}
	jobstest.Value(store.Save(t.Context(), jobstest.Value(store.Load(t.Context(), acme))(t), before, gone))(t)
	b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Removed, Email: address})
	requireStatus(t, b.run("forget", "--org", acme, "--user", member, "--yes"), 0)
	want := merge.Link{Key: member, Email: "digest", Gone: gone, Over: true}
	if got := jobstest.Value(store.Load(t.Context(), acme))(t).Links["row"]; got != want {
		t.Errorf("the bridge remembers %+v, want %+v", got, want)
	}
}
