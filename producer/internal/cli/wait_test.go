package cli_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

var redeemArgs = []string{"redeem", "--org", acme, "--user", member, "--email", address, "--wait"}

func TestWaitForASync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var tries atomic.Int64
	b.work(func(jobs.Args) error {
		if tries.Add(1) == 1 {
			return fault.New(fault.CloudUnavailable, "no answer")
		}
		return nil
	})
	r := b.run("sync", "--org", acme, "--wait")
	requireStatus(t, r, 0)
	requireContains(t, r.err, "synced: the cloud has answered")
	if tries.Load() != 2 || strings.Count(r.out, "\n") != 1 {
		t.Errorf("%d tries, printed %q", tries.Load(), r.out)
	}
}

func TestWaitForAJobThatDies(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"sync": {"sync", "--org", acme, "--wait"}, "license": {"sync-license", "--org", acme, "--wait"}, "redeem": redeemArgs,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.work(func(jobs.Args) error { return dead{fault.New(fault.BillingSyncTokenInvalid, "the cloud says so")} })
			r := b.run(args...)
			requireStatus(t, r, 1)
			requireContains(t, r.err, "failed for good: billing_sync_token_invalid: the cloud says so", "hint: In the cloud web app, Admin Console")
			requireContains(t, r.err, strings.TrimSpace(r.out)) // the job's id
		})
	}
}

func TestWaitForAJobThatDiesWithoutAFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.work(func(jobs.Args) error { return dead{errors.New("panic: out of cheese")} })
	r := b.run("sync", "--org", acme, "--wait")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "failed for good: panic: out of cheese")
}

// TestWaitForASponsorship lets the worker leave the ledger in one state each.
func TestWaitForASponsorship(t *testing.T) {
	t.Parallel()
	redeem := func(b *bundle, s sponsorship.Sponsorship) error {
		s.UserID = member
		b.store(s)
		return nil
	}
	pending := sponsorship.Sponsorship{Status: sponsorship.Pending, Intent: sponsorship.IntentRedeem}
	for name, test := range map[string]struct {
		started bool
		work    func(b *bundle) error
		status  int
		want    []string
	}{
		"sent": {true, func(b *bundle) error {
			return redeem(b, sponsorship.Sponsorship{Status: sponsorship.Sent})
		}, 0, []string{"sent: the cloud has it, and mails an offer that is new there"}},
		"refused": {true, func(b *bundle) error {
			return redeem(b, sponsorship.Sponsorship{Status: sponsorship.Refused, Reason: &sponsorship.Reason{Code: "not_accepted", Message: "left out"}})
		}, 1, []string{"error: not_accepted: left out", "hint: Check that the cloud organization is on an Enterprise plan"}},
		"no first sync": {false, func(b *bundle) error { return redeem(b, pending) },
			0, []string{"waiting for a connection and a first sync", "producer sync --org " + acme}},
		"paused": {true, func(b *bundle) error {
			b.fail(jobstest.Failure{Fault: fault.New(fault.OrganizationUnknown, "says the cloud"), RetryAt: time.Now(), Paused: true})
			return redeem(b, pending)
		}, 1, []string{"organization_unknown: says the cloud", "hint: Check the cloud organization's id"}},
		"switched off": {true, func(b *bundle) error {
			err := redeem(b, pending)
			b.fail(jobstest.Failure{Fault: fault.New(fault.CloudCommunicationDisabled, "switched off"), RetryAt: time.Now()})
			return err
		}, 1, []string{"cloud_communication_disabled", "hint: Set globalSettings__enableCloudCommunication=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if test.started {
				b.start()
			}
			b.work(func(jobs.Args) error { return test.work(b) })
			r := b.run(redeemArgs...)
			requireStatus(t, r, test.status)
			requireContains(t, r.err, test.want...)
			if strings.Count(r.out, "\n") != 1 {
				t.Errorf("printed %q, want the job's id", r.out)
			}
		})
	}
}

func TestWaitSaysWhyAndEndsWithTheAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start()
	b.work(func(jobs.Args) error {
		b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Pending, Intent: sponsorship.IntentRedeem})
		b.fail(jobstest.Failure{Fault: fault.New(fault.CloudUnavailable, "no answer"), RetryAt: time.Now().Add(time.Hour)})
		return nil
	})
	var out, stderr buffer
	status := make(chan int, 1)
	go func() {
		status <- program(b.environ, strings.NewReader(""), &out, &stderr).Run(t.Context(), redeemArgs)
	}()

	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		return strings.Contains(stderr.String(), "the last sync failed, next attempt ")
	})
	b.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Redeemed, Revision: 1})
	if got := <-status; got != 0 {
		t.Errorf("exit status %d, want 0\n%s", got, stderr.String())
	}
	requireContains(t, stderr.String(), "active: the recipient has accepted")
	if n := strings.Count(stderr.String(), "cloud_unavailable"); n != 1 {
		t.Errorf("said %d times why it waits, want once:\n%s", n, stderr.String())
	}
}

func TestInterruptedWait(t *testing.T) {
	t.Parallel()
	b := setup(t) // nobody works
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, stderr buffer
	status := make(chan int, 1)
	go func() {
		status <- program(b.environ, strings.NewReader(""), &out, &stderr).Run(ctx, []string{"sync", "--org", acme, "--wait"})
	}()
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return out.String() != "" })
	interrupt()
	if got := <-status; got != 130 {
		t.Errorf("exit status %d, want 130", got)
	}
	requireContains(t, stderr.String(), "interrupted while waiting", "what was enqueued is carried out all the same")
}

func TestWaitForAFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start()
	outcomes := map[string]sponsorship.Sponsorship{
		"sent@example.com":    {Status: sponsorship.Sent},
		"again@example.com":   {Status: sponsorship.Sent},
		"refused@example.com": {Status: sponsorship.Refused, Reason: &sponsorship.Reason{Code: "not_accepted", Message: "left out"}},
	}
	b.work(func(args jobs.Args) error {
		a := args.(jobs.Redeem)
		s, found := outcomes[a.SponsoredEmail]
		if !found {
			return dead{fault.New(fault.AlreadySponsoring, "sponsors another")}
		}
		s.UserID = a.SponsorshipID()
		b.store(s)
		return nil
	})
	file := "organizationUserId,sponsoredEmail,adminInitiated\n"
	for _, name := range []string{"sent", "dies", "again", "refused"} {
		file += member + "," + name + "@example.com,true\n"
	}
	r := b.runWith(file, "redeem", "--org", acme, "--file", "-", "--wait")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "2 sent: the cloud has it", "2 failed", "error: 2 of 4 rows failed",
		"error: line 3: already_sponsoring: sponsors another", "error: line 5: not_accepted: left out",
		"hint: already_sponsoring: This member", "hint: not_accepted: Check that the cloud")
	requireAbsent(t, r.err, "@example.com")

	r = b.runWith("organizationUserId,sponsoredEmail\n"+member+",sent@example.com\n", "redeem", "--org", acme, "--file", "-", "--wait")
	requireStatus(t, r, 0)
}
