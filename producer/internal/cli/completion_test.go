package cli_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// A shell is offered what there is, and no files.
func TestCompletionOffersIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Sent, Email: address})
	jobstest.Must(t, record.New(b.rdb).Bury(t.Context(), record.Record{
		ID: "dead-1", Kind: jobs.KindSync, Organization: acme, Reason: fault.New(fault.CloudUnavailable, "no"),
	}))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sync", "--org", ""}, acme + "\t1: 1 sent"},
		{[]string{"status", "--org", "1111"}, acme},
		{[]string{"redeem", "--org", acme, "--user", ""}, member + "\tSent"},
		{[]string{"forget", "--org", acme, "--user", "33"}, member},
		{[]string{"jobs", "retry", ""}, "dead-1\tsync: cloud_unavailable"},
	} {
		r := b.run(append([]string{"__complete"}, c.args...)...)
		requireStatus(t, r, 0)
		requireContains(t, r.out, c.want, ":4\n") // 4: no files
		requireAbsent(t, r.out, address)
	}
	requireAbsent(t, b.run("__complete", "sync", "--org", "99").out, acme)
}
