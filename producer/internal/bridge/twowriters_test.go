package bridge_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// scene is something that the official code and the bridge do to one row at the same time.
type scene struct {
	name     string
	unsynced bool // nothing has left yet: the organization's first sync is still to come
	play     func(*office)
	status   sponsorship.Status // of the member's sponsorship in the end
	row      string             // as the web vault words it
	mails    map[string]int
}

const (
	nan  = "nan@example.test"
	aunt = "aunt@example.test"
)

// scenes are, first, what official-database.md 3.1 and 3.4 tell of official code that acts on a copy
// which it read before we wrote; then the same the other way round.
func scenes() []scene {
	return []scene{
		{name: "a revoke has read no date, and deletes the row that got one", play: func(o *office) {
			o.offer(nan)
			o.answered()
			revoke := o.beginRevoke()
			o.round()
			o.requireRow("Sent")
			jobstest.Must(o.t, revoke.Finish(o.t.Context()))
			o.requireRow("gone")
		}, status: sponsorship.Removed, row: "gone", mails: map[string]int{nan: 1}},

		{name: "a revoke puts older dates back", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.round()
			jobstest.Value(o.Cloud.Accept(o.remote, o.member))(o.t)
			revoke := o.beginRevoke()
			o.sync()
			o.answered()
			o.round()
			o.requireRow("Active")
			jobstest.Must(o.t, revoke.Finish(o.t.Context()))
			o.requireRow("Removed")
		}, status: sponsorship.Expiring, row: "Expires", mails: map[string]int{nan: 1}},

		{name: "a revoke has read a date, and the row is gone", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.round()
			o.withdrawnElsewhere()
			revoke := o.beginRevoke()
			o.round()
			o.requireRow("gone")
			jobstest.Must(o.t, revoke.Finish(o.t.Context()))
		}, status: sponsorship.Removed, row: "gone", mails: map[string]int{nan: 1}},

		{name: "a revoke has read no date, and the row is gone", unsynced: true, play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.withdrawnElsewhere()
			revoke := o.beginRevoke()
			o.round()
			o.requireRow("gone")
			if err := revoke.Finish(o.t.Context()); !errors.Is(err, vaulttest.ErrRowGone) && !o.course.sqlServer {
				o.t.Errorf("the revoke of a row that is gone: %v", err)
			}
		}, status: sponsorship.Removed, row: "gone"},

		{name: "a revoke brings back what a new offer has replaced", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.round()
			revoke := o.beginRevoke()
			o.offer(aunt)
			o.answered()
			o.round()
			o.requireRow("Sent")
			jobstest.Must(o.t, revoke.Finish(o.t.Context()))
			o.requireRow("Removed")
		}, status: sponsorship.Removed, row: "gone", mails: map[string]int{nan: 1, aunt: 1}},

		{name: "the same before anybody looked", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.round()
			revoke := o.beginRevoke()
			o.offer(aunt)
			jobstest.Must(o.t, revoke.Finish(o.t.Context()))
		}, status: sponsorship.Removed, row: "gone", mails: map[string]int{nan: 1}},

		{name: "an offer that failed deletes the row, and is made again", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.round()
			again := o.beginOffer(aunt)
			jobstest.Must(o.t, again.Fail(o.t.Context()))
			for range 4 { // longer than the grace: nobody takes it for a revoke
				o.round()
				o.Pass(time.Minute)
			}
			o.offer(aunt)
		}, status: sponsorship.Sent, row: "Sent", mails: map[string]int{nan: 1, aunt: 1}},

		{name: "an offer that failed deletes the row that got its date meanwhile, and is made again", play: func(o *office) {
			o.offer(nan)
			o.answered()
			again := o.beginOffer(aunt)
			o.round()
			o.requireRow("Sent")
			jobstest.Must(o.t, again.Fail(o.t.Context()))
			o.offer(aunt)
		}, status: sponsorship.Sent, row: "Sent", mails: map[string]int{nan: 1, aunt: 1}},

		// The one way in which a wish is lost, which the README tells: the member sees success.
		{name: "an offer writes to a row that is gone", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.round()
			o.withdrawnElsewhere()
			again := o.beginOffer(aunt)
			o.round()
			o.requireRow("gone")
			jobstest.Must(o.t, again.Finish(o.t.Context()))
		}, status: sponsorship.Removed, row: "gone", mails: map[string]int{nan: 1}},

		{name: "a revoke comes before our date", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.meanwhile(func() { jobstest.Must(o.t, o.vault.Revoke(o.t.Context(), o.member)) })
		}, status: sponsorship.Removed, row: "gone", mails: map[string]int{nan: 1}},

		{name: "an offer to another comes before our date", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.meanwhile(func() { o.offer(aunt) })
		}, status: sponsorship.Sent, row: "Sent", mails: map[string]int{nan: 1, aunt: 1}},

		{name: "the same address in other letters comes before our date", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.meanwhile(func() { o.offer("Nan@example.test") })
		}, status: sponsorship.Sent, row: "Sent", mails: map[string]int{nan: 1}},

		{name: "an offer comes before our deletion", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.round()
			o.withdrawnElsewhere()
			o.meanwhile(func() { o.offer(aunt) })
		}, status: sponsorship.Sent, row: "Sent", mails: map[string]int{nan: 1, aunt: 1}},

		{name: "an admin removes the member before our date", play: func(o *office) {
			o.offer(nan)
			o.answered()
			o.meanwhile(func() { jobstest.Must(o.t, o.vault.RemoveMember(o.t.Context(), o.member)) })
		}, status: sponsorship.Removed, row: "gone", mails: map[string]int{nan: 1}},
	}
}

// The official code writes from copies that it read earlier, so nothing that we write is done for
// good. Whatever it does with ours, or to a row that we are about to write: in the end the row, the
// ledger and the cloud say the same, and nobody was mailed for it.
func TestTwoWritersEndInAgreement(t *testing.T) {
	t.Parallel()
	for _, c := range courses() {
		if !c.full {
			continue // it takes two
		}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			b := newBuilding(t, c)
			for _, s := range scenes() {
				t.Run(s.name, func(t *testing.T) {
					o := b.office(t, !s.unsynced)
					s.play(o)
					o.rest()
					o.requireRow(s.row)
					o.requireAgreement(s.status)
					o.requireMails(s.mails)
				})
			}
		})
	}
}

// withdrawnElsewhere: somebody revokes by the command line.
func (o *office) withdrawnElsewhere() {
	o.t.Helper()
	o.enqueue(jobs.ChangeSponsorship{OrganizationID: o.org, OrganizationUserID: sponsorship.ID(o.member), Revoke: true})
	o.drain()
}
