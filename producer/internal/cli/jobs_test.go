package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
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

func TestJobsAreChosenByStateAndOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const other = "44444444-4444-4444-8444-444444444444"
	dead := b.bury(jobs.Sync{OrganizationID: acme}, fault.New(fault.ConnectionMissing, "no token"))
	theirs := b.bury(jobs.Sync{OrganizationID: other}, fault.New(fault.ConnectionMissing, "no token"))
	jobstest.Must(t, b.rdb.Set(t.Context(), "asynq:{urgent}:paused", 1, 0).Err()) // so that it waits
	waiting := strings.TrimSpace(b.run("sync", "--org", acme).out)
	for _, c := range []struct {
		args           []string
		want, unwanted []string
	}{
		{nil, []string{dead, theirs}, []string{waiting}},
		{[]string{"--org", acme}, []string{dead}, []string{theirs, waiting}},
		{[]string{"--state", "pending,dead", "--org", acme}, []string{dead, waiting}, []string{theirs}},
		{[]string{"--state", "pending", "--json"}, []string{waiting}, []string{dead, theirs}},
	} {
		r := b.run(append([]string{"jobs", "list"}, c.args...)...)
		requireStatus(t, r, 0)
		requireContains(t, r.out, c.want...)
		requireAbsent(t, r.out, c.unwanted...)
	}
	requireContains(t, b.run("jobs", "list", "--state", "active").err, "no active jobs")
	requireStatus(t, b.run("jobs", "list", "--state", "lost"), 2)
	requireContains(t, b.run("jobs", "show", waiting).err, "queues: paused by hand: urgent")

	r := b.run("jobs", "drop", "--all", "--org", other, "--dry-run")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "1 in all", theirs)
	r = b.run("jobs", "drop", "--all", "--org", other, "--yes", "--json")
	requireStatus(t, r, 0)
	requireContains(t, r.out, `{"deleted":"`+theirs+`","id":"`+theirs+`"}`)
	requireContains(t, b.run("jobs", "list").out, dead)
	requireStatus(t, b.run("jobs", "drop", dead, "--org", acme), 2)
}
