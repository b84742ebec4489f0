package cli_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func memberID(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("33333333-3333-4333-8333-%012d", n))
}

// adoptions are the adopt jobs in the queue, by member.
func (b *bundle) adoptions() []jobs.Adopt {
	b.t.Helper()
	var all []jobs.Adopt
	for _, task := range jobstest.Tasks(b.rdb) {
		jobstest.Equal(b.t, "kind", task.Type, string(jobs.KindAdopt))
		var args jobs.Adopt
		jobstest.Must(b.t, json.Unmarshal(task.Payload, &args))
		all = append(all, args)
	}
	slices.SortFunc(all, func(x, y jobs.Adopt) int {
		return strings.Compare(string(x.OrganizationUserID), string(y.OrganizationUserID))
	})
	return all
}

// everyLife stores sponsorships in every state, and returns what another ledger is to
// adopt of them.
func (b *bundle) everyLife() []jobs.Adopt {
	b.t.Helper()
	until := time.Now().Add(300 * 24 * time.Hour)
	adopt := func(n int, edit func(*jobs.Adopt)) jobs.Adopt {
		a := jobs.Adopt{OrganizationID: acme, OrganizationUserID: memberID(n), SponsoredEmail: fmt.Sprintf("m%d@example.com", n), FriendlyName: `Mum, "Ann"`}
		edit(&a)
		return a
	}
	asIs := func(*jobs.Adopt) {}
	revoke := func(a *jobs.Adopt) { a.Revoke = true }
	var want []jobs.Adopt
	for n, s := range []sponsorship.Sponsorship{
		{Status: sponsorship.Pending, Intent: sponsorship.IntentRedeem},
		{Status: sponsorship.Sent, AdminInitiated: true, Wire: sponsorship.Wire{Offered: "m1@example.com", Known: true}},
		{Status: sponsorship.Redeemed, ValidUntil: &until, Wire: sponsorship.Wire{Offered: "M2@example.com", Known: true}},
		{Status: sponsorship.Pending, Intent: sponsorship.IntentRevoke, Wire: sponsorship.Wire{Offered: "m3@example.com", Known: true}},
		{Status: sponsorship.Expiring, ValidUntil: &until, Wire: sponsorship.Wire{Offered: "m4@example.com", Known: true}},
		{Status: sponsorship.Pending, Intent: sponsorship.IntentChange, Wire: sponsorship.Wire{Offered: "former@example.com", Known: true}},
		{Status: sponsorship.Removed}, {Status: sponsorship.Expired},
	} {
		s.UserID, s.Email, s.Name = memberID(n), fmt.Sprintf("m%d@example.com", n), `Mum, "Ann"`
		b.store(s)
		switch n {
		case 1:
			want = append(want, adopt(n, func(a *jobs.Adopt) { a.AdminInitiated = true }))
		case 3, 4:
			want = append(want, adopt(n, revoke))
		case 5:
			want = append(want, adopt(n, func(a *jobs.Adopt) { a.SponsoredEmail = "former@example.com" }))
		case 0, 2:
			want = append(want, adopt(n, asIs))
		}
	}
	return want
}

func TestWhatIsExportedIsImportedElsewhere(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"csv", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			here, there := setup(t), setup(t)
			want := here.everyLife()
			args := []string{"export", "--org", acme}
			if format == "json" {
				args = append(args, "--json")
			}
			file := here.run(args...)
			requireStatus(t, file, 0)
			requireContains(t, file.err, "written as the cloud has them: 1")

			look := there.runWith(file.out, "import", "--file", "-", "--dry-run")
			requireStatus(t, look, 0)
			requireContains(t, look.out, "taken over:            6\n", "withdrawn:  2\n", "already: 0\n")
			if n := there.enqueuedJobs(); n != 0 {
				t.Fatalf("a dry run enqueued %d jobs", n)
			}
			r := there.runWith(file.out, "import", "--file", "-")
			requireStatus(t, r, 0)
			if got := there.adoptions(); !slices.Equal(got, want) {
				t.Errorf("jobs:\n%+v, want\n%+v", got, want)
			}
			jobstest.Equal(t, "ids", strings.Count(r.out, "\n"), len(want))

			again := here.runWith(file.out, "import", "--file", "-")
			requireStatus(t, again, 0)
			requireContains(t, again.err, "left as they are: 6")
			jobstest.Equal(t, "jobs of what the ledger has", here.enqueuedJobs(), 0)
		})
	}
}

func TestImportAndExportSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		stdin  string
		args   []string
		status int
		want   string
	}{
		"no file":             {"", []string{"import"}, 2, "--file must name a file"},
		"a wait for nothing":  {"", []string{"import", "--file", "-", "--dry-run", "--wait"}, 2, "--wait does not go with --dry-run"},
		"a redeem's column":   {"organizationId,organizationUserId,sponsoredEmail,planSponsorshipType\n", []string{"import", "--file", "-"}, 2, "column planSponsorshipType is unknown"},
		"an import's column":  {"organizationId,organizationUserId,sponsoredEmail,revoke\n", []string{"redeem", "--file", "-"}, 2, "column revoke is unknown"},
		"a bad address":       {"organizationId,organizationUserId,sponsoredEmail\n" + acme + "," + member + ",hidden\n", []string{"import", "--file", "-"}, 2, "line 2: sponsoredEmail"},
		"an unknown export":   {"", []string{"export", "--org", acme}, 1, "is not known here"},
		"an export of no one": {"", []string{"export"}, 2, "--org is missing"},
	} {
		r := b.runWith(c.stdin, c.args...)
		if r.status != c.status || !strings.Contains(r.err, c.want) || strings.Contains(r.err, "hidden") {
			t.Errorf("%s: status %d, %q, want %d and %q", name, r.status, r.err, c.status, c.want)
		}
	}
	jobstest.Equal(t, "jobs", b.enqueuedJobs(), 0)
}
