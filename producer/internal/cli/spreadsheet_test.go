package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// utf16File is a file as a spreadsheet writes "Unicode text".
func utf16File(text string, bigEndian, mark bool) string {
	if mark {
		text = "\ufeff" + text
	}
	var file strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		high, low := byte(unit>>8), byte(unit)
		if !bigEndian {
			high, low = low, high
		}
		file.Write([]byte{high, low})
	}
	return file.String()
}

// A file comes as people's programs write it.
func TestFilesAsSpreadsheetsWriteThem(t *testing.T) {
	t.Parallel()
	row := func(separator string) string {
		return strings.Join([]string{"org", "User", "department", "email", "name", "admin-initiated"}, separator) + "\r\n" +
			strings.Join([]string{acme, member, "", address, "Jörg", ""}, separator) + "\r\n"
	}
	for name, file := range map[string]string{
		"commas": row(","), "semicolons": row(";"), "tabs": row("\t"), "a mark": "\ufeff" + row(";"),
		"UTF-16, little": utf16File(row("\t"), false, true), "UTF-16, big": utf16File(row(","), true, true),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := b.runWith(file, "redeem", "--file", "-")
			requireStatus(t, r, 2)
			requireContains(t, r.err, "column department is unknown; want", "--ignore-columns leaves out")
			r = b.runWith(file, "redeem", "--file", "-", "--ignore-columns")
			requireStatus(t, r, 0)
			jobstest.RequireEnqueued(t, b.rdb, func(a jobs.Redeem) bool {
				return a.OrganizationID == acme && a.OrganizationUserID == member && a.SponsoredEmail == address && a.FriendlyName == "Jörg"
			})
		})
	}
}

// What cannot be read is named, and never stored broken.
func TestFilesThatAreRefusedByName(t *testing.T) {
	t.Parallel()
	const head = "user,email,name\n"
	var many strings.Builder
	many.WriteString(head)
	for i := range 30 {
		fmt.Fprintf(&many, "wrong%d,a@example.com,\n", i)
	}
	for name, c := range map[string]struct{ file, want string }{
		"Latin-1":         {head + member + "," + address + ",J\xf6rg\n", "line 2: is not UTF-8 (byte 59), probably Windows-1252 or Latin-1"},
		"UTF-16, no mark": {utf16File(head, false, false), "is UTF-16 without a byte order mark"},
		"a JSON array":    {`[{"organizationUserId":"` + member + `"}]`, "is a JSON array; want one object a line"},
		"both names":      {"user,organizationUserId,email\n", "column organizationUserId is there twice"},
		"many faults":     {many.String(), "and 10 more lines are wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := b.runWith(c.file, "redeem", "--org", acme, "--file", "-")
			requireStatus(t, r, 2)
			requireContains(t, r.err, c.want)
			jobstest.Equal(t, "jobs", b.enqueuedJobs(), 0)
			if lines := strings.Count(r.err, "\n"); lines > 25 {
				t.Errorf("says %d lines", lines)
			}
		})
	}
}

func TestADryRunSaysWhatAFileWouldDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const second, third = "33333333-3333-4333-8333-333333333332", "33333333-3333-4333-8333-333333333333"
	b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Sent, Email: address, Name: address, Wire: sponsorship.Wire{Offered: address, Known: true}})
	b.store(sponsorship.Sponsorship{UserID: second, Status: sponsorship.Sent, Email: "else@example.com", Wire: sponsorship.Wire{Offered: "else@example.com", Known: true}})
	r := b.runWith("user;email\n"+member+";"+address+"\n"+second+";"+address+"\n"+third+";"+address+"\n", "redeem", "--org", acme, "--file", "-", "--dry-run")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "rows:                       3", "new offers, each is mailed: 1", "there already:              1",
		"would be refused:           1, "+string(fault.AlreadySponsoring))
	jobstest.Equal(t, "jobs", b.enqueuedJobs(), 0)
}

func TestAnAddressIsTrimmedAsInAFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	requireStatus(t, b.run("redeem", "--org", acme, "--user", member, "--email", "  "+address+" "), 0)
	jobstest.RequireEnqueued(t, b.rdb, func(a jobs.Redeem) bool { return a.SponsoredEmail == address })
}
