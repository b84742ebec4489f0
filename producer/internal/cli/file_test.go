package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestFileWithABadRowEnqueuesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"csv": {
			"organizationUserId,sponsoredEmail,adminInitiated\n" +
				member + ",good@example.com,\n" +
				"nope,hidden,perhaps\n" +
				member + ",hidden@example.com,false\n" +
				"too,few\n" +
				member + ",\"hid\"den,true\n",
			[]string{
				"line 3: adminInitiated must be true or false; organizationUserId must be a UUID", "sponsoredEmail is not a plain",
				"line 4: the same member as in line 2, with another address", "line 5: has more or fewer fields", "line 6: ",
			},
		},
		"ndjson": {
			`{"organizationUserId":"` + member + `","sponsoredEmail":"good@example.com"}` + "\n\n" +
				`{"organizationUserId":"x","sponsoredEmail":"hidden"}` + "\n" +
				`{"hiddn":"hidden@example.com"}` + "\n" + `hidden` + "\n" + `{}`,
			[]string{"line 3: organizationUserId must be a UUID", "line 4: hiddn is not a field", "line 5: ", "line 6: "},
		},
		"unknown column":     {"organizationUserId,sponsoredEmail,color\n", []string{"line 1: column color is unknown; want organizationUserId"}},
		"column twice":       {"organizationUserId,sponsoredEmail,SponsoredEmail\n", []string{"column SponsoredEmail is there twice"}},
		"missing column":     {"sponsoredEmail\n", []string{"column organizationUserId is missing"}},
		"no header":          {member + ",hidden@example.com\n", []string{"line 1: is no header that is known; want organizationUserId,sponsoredEmail"}},
		"overlong line":      {"{" + strings.Repeat(" ", 70<<10) + "}", []string{"line 1: is longer than"}},
		"empty":              {"\n \n", []string{"standard input has no rows"}},
		"nothing but header": {"organizationUserId,sponsoredEmail\n", []string{"standard input has no rows"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := b.runWith(test.file, "redeem", "--org", acme, "--file", "-")
			requireStatus(t, r, 2)
			requireContains(t, r.err, test.want...)
			requireAbsent(t, r.err, "hidden", "good@example.com")
			if n := b.enqueuedJobs(); n != 0 || r.out != "" {
				t.Errorf("%d jobs were enqueued, printed %q", n, r.out)
			}
		})
	}
}

func TestFileWithoutOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.runWith("organizationUserId,sponsoredEmail\n"+member+","+address+"\n", "redeem", "--file", "-")
	requireStatus(t, r, 2)
	requireContains(t, r.err, "column organizationId is missing, and --org is not given")
	r = b.run("redeem", "--file", filepath.Join(t.TempDir(), "none"))
	requireStatus(t, r, 2)
	requireContains(t, r.err, "--file: open ")
}

func TestFileOfManyBatches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const rows = 2001
	var file strings.Builder
	file.WriteString("\ufeffSponsoredEmail , ORGANIZATIONUSERID,friendlyName\r\n") // as a spreadsheet writes it
	for i := range rows {
		fmt.Fprintf(&file, "user%d@example.com, %s,\"Family, %d\"\r\n", i, sponsorship.AdminKey(member, fmt.Sprint(i)), i)
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := b.run("redeem", "--org", acme, "--file", path)
	requireStatus(t, r, 2)
	requireContains(t, r.err, "This offers many sponsorships at once", "new offers, each is mailed: 2001", "no terminal to ask on; nothing was changed")
	jobstest.Equal(t, "jobs", b.enqueuedJobs(), 0)
	r = b.run("redeem", "--org", acme, "--file", path, "--yes")
	requireStatus(t, r, 0)
	if n := strings.Count(r.out, "\n"); n != rows || b.enqueuedJobs() != rows {
		t.Errorf("%d ids printed, %d jobs enqueued, want %d", n, b.enqueuedJobs(), rows)
	}
	requireContains(t, r.err, "rows enqueued: 2001")
	requireAbsent(t, r.err, "\r", "\x1b") // a progress bar is for terminals
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.Redeem) bool {
		number := strings.TrimPrefix(a.FriendlyName, "Family, ")
		return a.OrganizationID == acme && a.SponsoredEmail == "user"+number+"@example.com" &&
			a.OrganizationUserID == sponsorship.AdminKey(member, number)
	})
}

func TestFileOfJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const other = "44444444-4444-4444-8444-444444444444"
	lines := `{"organizationUserId":"` + member + `","sponsoredEmail":"` + address + `","adminInitiated":true}` + "\n" +
		` {"organizationId":"` + other + `","organizationUserId":"` + member + `","sponsoredEmail":"` + address + `"}`
	r := b.runWith(lines, "redeem", "--org", acme, "--file", "-")
	requireStatus(t, r, 0)
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.Redeem) bool { return a.OrganizationID == acme && a.AdminInitiated })
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.Redeem) bool { return a.OrganizationID == other && !a.AdminInitiated })
}
