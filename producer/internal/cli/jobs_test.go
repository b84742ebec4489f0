package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

func TestJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.run("jobs", "list")
	requireStatus(t, r, 0)
	requireContains(t, r.err, "no dead jobs")
	requireStatus(t, b.run("jobs", "list", "--json"), 0)

	id := b.bury(jobs.Redeem{OrganizationID: acme, OrganizationUserID: member, SponsoredEmail: address}, fault.New(fault.AlreadySponsoring, "said the ledger"))
	for _, args := range [][]string{{"jobs", "list"}, {"jobs", "show", id}, {"jobs", "list", "--json"}, {"jobs", "show", "--json", id}} {
		r := b.run(args...)
		requireStatus(t, r, 0)
		requireContains(t, r.out, id, "redeem", acme, member, "already_sponsoring", "said the ledger", fault.AlreadySponsoring.Hint())
		requireAbsent(t, r.out, address)
		if args[len(args)-1] == "--json" && !json.Valid([]byte(r.out)) {
			t.Errorf("%v printed no JSON: %s", args, r.out)
		}
	}

	r = b.run("jobs", "retry", "nothing", id, "--yes")
	requireStatus(t, r, 1) // one of the two was not there
	requireContains(t, r.err, `job "nothing": no such job`)
	again := strings.TrimSpace(r.out)
	requireContains(t, b.run("jobs", "show", again).out, "redeem")
	requireStatus(t, b.run("jobs", "show", id), 1)
}

func TestJobsDelete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.bury(jobs.Sync{OrganizationID: acme}, fault.New(fault.ConnectionMissing, "no token"))
	r := b.run("jobs", "delete", "--all", "--yes")
	requireStatus(t, r, 0)
	if r.out != id+"\n" {
		t.Errorf("printed %q, want the id", r.out)
	}
	r = b.run("jobs", "show", id)
	requireStatus(t, r, 1)
	requireContains(t, r.err, "no such job")
}

func TestDeadJobsAreAskedAbout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.bury(jobs.ChangeSponsorship{OrganizationID: acme, OrganizationUserID: member, SponsoredEmail: address}, fault.New(fault.SponsorshipNotFound, "there is none"))
	for _, args := range [][]string{{"jobs", "retry", id}, {"jobs", "delete", id}, {"jobs", "retry", "--all"}, {"jobs", "delete", "--all"}} {
		r := b.run(args...)
		requireStatus(t, r, 2)
		requireContains(t, r.err, "1 in all", id+"  change address, organization "+acme+", member "+member, "there is no terminal to ask on; nothing was changed", "hint: give --yes")
		requireAbsent(t, r.out+r.err, address)

		var out, stderr buffer
		p := program(b.environ, strings.NewReader("no\n"), &out, &stderr)
		p.IsTerminal = func(stream any) bool { return stream == p.Stdin }
		if got := p.Run(t.Context(), args); got != 2 {
			t.Errorf("%v ends with %d after a no, want 2", args, got)
		}
		requireContains(t, b.run("jobs", "list").out, id)
	}
	r := b.run("jobs", "delete", "nothing")
	requireStatus(t, r, 1) // there is nothing to ask about
	requireContains(t, r.err, `job "nothing": no such job`)
	requireStatus(t, b.run("jobs", "delete", id, "--yes"), 0)
	r = b.run("jobs", "delete", "--all")
	requireStatus(t, r, 0)
	requireContains(t, r.err, "no dead jobs")
}
