package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// printed is what --json says of a job.
type printed struct {
	Line               int
	ID                 string
	Kind               jobs.Kind
	OrganizationID     sponsorship.ID
	OrganizationUserID *sponsorship.ID
	Outcome            *string
	Error              *struct {
		Code fault.Code
		Hint string
	}
}

func printedLines(t *testing.T, out string) (all []printed) {
	t.Helper()
	for line := range strings.Lines(out) {
		var p printed
		jobstest.Must(t, json.Unmarshal([]byte(line), &p))
		all = append(all, p)
	}
	return all
}

// A script ties each job to its row, and knows what became of it.
func TestJobsAsJSONAreTiedToTheirRows(t *testing.T) {
	t.Parallel()
	const second = "33333333-3333-4333-8333-333333333332"
	b := setup(t)
	b.start()
	b.work(func(args jobs.Args) error {
		redeem := args.(jobs.Redeem)
		if redeem.OrganizationUserID == second {
			return dead{fault.New(fault.AlreadySponsoring, "sponsors another")}
		}
		b.store(sponsorship.Sponsorship{UserID: redeem.OrganizationUserID, Status: sponsorship.Sent})
		return nil
	})
	file := "user,email\n" + member + "," + address + "\n" + second + "," + address + "\n"
	r := b.runWith(file, "redeem", "--org", acme, "--file", "-", "--wait", "--json")
	requireStatus(t, r, 1)
	all := printedLines(t, r.out)
	jobstest.Equal(t, "rows", len(all), 2)
	for _, p := range all {
		jobstest.Equal(t, "kind", p.Kind, jobs.KindRedeem)
		switch p.Line {
		case 2:
			if *p.OrganizationUserID != member || p.Outcome == nil || p.Error != nil || !strings.HasPrefix(*p.Outcome, "sent") {
				t.Errorf("line 2: %+v", p)
			}
		case 3:
			if *p.OrganizationUserID != second || p.Outcome != nil || p.Error == nil || p.Error.Code != fault.AlreadySponsoring || p.Error.Hint == "" {
				t.Errorf("line 3: %+v", p)
			}
		default:
			t.Errorf("a line that is none of the file's: %+v", p)
		}
	}
	r = setup(t).runWith(file, "redeem", "--org", acme, "--file", "-", "--json")
	requireStatus(t, r, 0)
	if all = printedLines(t, r.out); len(all) != 2 || all[1].Line != 3 || all[1].Outcome != nil || all[1].ID == "" {
		t.Errorf("without a wait: %+v", all)
	}
}

func TestOneJobAsJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.run("redeem", "--org", acme, "--user", member, "--email", address, "--admin-initiated", "--json")
	requireStatus(t, r, 0)
	all := printedLines(t, r.out)
	key := sponsorship.AdminKey(member, address)
	if len(all) != 1 || *all[0].OrganizationUserID != key || all[0].OrganizationID != acme {
		t.Errorf("printed %s", r.out)
	}
	requireContains(t, r.err, "its id, by which it is shown, changed and revoked, is "+string(key))
	b.work(func(jobs.Args) error { return nil })
	r = b.run("sync", "--org", acme, "--wait", "--json")
	requireStatus(t, r, 0)
	if all = printedLines(t, r.out); len(all) != 1 || all[0].OrganizationUserID != nil || all[0].Outcome == nil {
		t.Errorf("printed %s", r.out)
	}
}

// What each command has done comes as one document, too.
func TestDeedsAsJSON(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Removed, Email: address})
	for _, c := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{token, []string{"connect", "--org", acme, "--cloud-org", cloudAcme}, `"cloudOrganizationId":"` + cloudAcme + `"`},
		{"", []string{"pause", "--org", acme}, `"paused":true`},
		{"", []string{"resume", "--org", acme}, `"paused":false`},
		{"", []string{"rekey"}, `{"encrypted":0,"organizations":1}`},
		{"", []string{"forget", "--org", acme, "--user", member, "--yes"}, `"forgotten":true`},
		{"", []string{"disconnect", "--org", acme, "--forget", "--yes"}, `"disconnected":true`},
	} {
		r := b.runWith(c.stdin, append(c.args, "--json")...)
		requireStatus(t, r, 0)
		requireContains(t, r.out, c.want)
		if !json.Valid([]byte(r.out)) || strings.Count(r.out, "\n") != 1 {
			t.Errorf("%v printed %s", c.args, r.out)
		}
	}
}

func TestConnectWarnsOfASharedCloudOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	const other = "44444444-4444-4444-8444-444444444444"
	requireAbsent(t, b.runWith(token, "connect", "--org", acme, "--cloud-org", cloudAcme).err, "warning")
	r := b.runWith(token, "connect", "--org", other, "--cloud-org", cloudAcme)
	requireStatus(t, r, 0)
	requireContains(t, r.err, "warning: organization "+acme+" is connected to the same cloud organization")
	requireAbsent(t, b.runWith(token, "connect", "--org", acme, "--cloud-org", other).err, "same cloud")
}
