package cli_test

import (
	"context"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// A wait that reaches its limit leaves the job, whatever the command.
func TestTimeoutEndsEveryWaitAndLeavesTheJob(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"sync":               {"sync", "--org", acme},
		"sync-license":       {"sync-license", "--org", acme},
		"redeem":             {"redeem", "--org", acme, "--user", member, "--email", address},
		"change-sponsorship": {"change-sponsorship", "--org", acme, "--user", member, "--revoke"},
		"file":               {"redeem", "--org", acme, "--file", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t) // nobody works
			file := "organizationUserId,sponsoredEmail\n" + member + "," + address + "\n"
			r := b.runWith(file, append(args, "--wait", "--timeout", "100ms")...)
			requireStatus(t, r, 3)
			requireContains(t, r.err, "the wait has reached its limit", "is carried out all the same")
			jobstest.Equal(t, "jobs", b.enqueuedJobs(), 1)

			requireStatus(t, b.runWith(file, append(args, "--timeout", "1s")...), 2)
			requireStatus(t, b.runWith(file, append(args, "--wait", "--timeout", "0s")...), 2)
			jobstest.Equal(t, "jobs after wrong usage", b.enqueuedJobs(), 1)
		})
	}
}

// Of what is there to be asked, no answer is wrong usage, and changes nothing.
func TestWithoutATerminalYesIsNeeded(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"forget", "--org", acme, "--user", member}, {"disconnect", "--org", acme}} {
		b := setup(t)
		b.start()
		requireStatus(t, b.run(args...), 2)
	}
}

func TestCtrlCIs130ButOfWatch0(t *testing.T) {
	t.Parallel()
	for status, args := range map[int][]string{130: {"status", "--org", acme}, 0: {"watch"}} {
		b := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := run(ctx, b.environ, "", args...)
		if r.status != status {
			t.Errorf("%s: exit status %d, want %d\n%s", strings.Join(args, " "), r.status, status, r.err)
		}
	}
}
