package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
)

func (a *app) syncCommand() *cobra.Command {
	var (
		args jobs.Sync
		wait patience
	)
	command := &cobra.Command{
		Use: "sync --org ORG", Short: "Start a full sync now; before the first one nothing is sent",
		Long: `Enqueues a full sync and prints the job's id. The first one starts the daily
syncs; nothing is sent to the cloud before it. A sync also ends the wait after a
failure that somebody had to put right.

Where the connection comes from the server's own vault, the first sync needs
--official-job-off: switch the server's own sync job off first, for on most
databases nobody can see whether it still runs beside this one.`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.enqueue(command, errand{args, a.finishing(wait, "synced: the cloud has answered for all sponsorships"), wait.asJSON})
		},
	}
	orgFlag(command, &args.OrganizationID)
	command.Flags().BoolVar(&args.OfficialJobOff, "official-job-off", false, "the server's own sync job is switched off; this is noted and shown")
	waitFlag(command, &wait, "the cloud has answered for all sponsorships")
	return command
}

// licenseWritten says what is left to do.
const licenseWritten = "the license was fetched and written to organization/%s.json below the worker's SPONSORSYNC_LICENSE_DIR\n" +
	"now upload this file to the server: Admin Console > Billing > Subscription > Update license"

func (a *app) syncLicenseCommand() *cobra.Command {
	var (
		args jobs.SyncLicense
		wait patience
	)
	command := &cobra.Command{
		Use: "sync-license --org ORG", Short: "Fetch a fresh license; nothing else ever does",
		Long: `Enqueues a license sync and prints the job's id. The worker writes the license
to organization/ORG.json below its SPONSORSYNC_LICENSE_DIR. Upload that file to the
server: Admin Console > Billing > Subscription > Update license. Only that tells the
server's database, which must agree with the file. The connection needs the license
key: 'producer connect --license-key'.`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.enqueue(command, errand{args, a.finishing(wait, fmt.Sprintf(licenseWritten, args.OrganizationID)), wait.asJSON})
		},
	}
	orgFlag(command, &args.OrganizationID)
	waitFlag(command, &wait, "the license is written")
	return command
}

func (a *app) changeCommand() *cobra.Command {
	var (
		args jobs.ChangeSponsorship
		wait patience
	)
	command := &cobra.Command{
		Use: "change-sponsorship --org ORG --user ORGUSER", Short: "Change the recipient or the label, revoke, or offer again",
		Long: `Enqueues a change and prints the job's id. The recipient can change until the
offer is accepted; a sponsorship that is in use ends at the end of its term when
it is revoked. --resend withdraws the offer and makes it again, so that the same
person is mailed once more. For an admin-initiated sponsorship, --user is the id that
'producer status' shows.`,
		Example: `  producer change-sponsorship --org ORG --user ORGUSER --email new@example.com --wait
  producer change-sponsorship --org ORG --user ORGUSER --revoke`,
		GroupID: groupDaily, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			args.SponsoredEmail = strings.TrimSpace(args.SponsoredEmail)
			if err := a.resolve(command.Context(), args.OrganizationID, &args.OrganizationUserID); err != nil {
				return err
			}
			if err := usage(command, changeFaults(args)...); err != nil {
				return err
			}
			change := target{org: args.OrganizationID, id: args.OrganizationUserID, change: true}
			return a.enqueue(command, errand{args, a.settling(wait, change), wait.asJSON})
		},
	}
	orgFlag(command, &args.OrganizationID)
	a.memberFlag(command, &args.OrganizationUserID, "the organization user who sponsors")
	command.Flags().StringVar(&args.SponsoredEmail, "email", "", "the new recipient's `ADDRESS`")
	command.Flags().StringVar(&args.FriendlyName, "name", "", "the new label, `NAME`")
	command.Flags().BoolVar(&args.Revoke, "revoke", false, "take the sponsorship back")
	command.Flags().BoolVar(&args.Resend, "resend", false, "withdraw the offer and make it again: the same person is mailed")
	waitFlag(command, &wait, "the cloud has answered")
	return command
}

// changeFaults says in flags what jobs.ChangeSponsorship says in fields.
func changeFaults(args jobs.ChangeSponsorship) []string {
	texts := args.SponsoredEmail != "" || args.FriendlyName != ""
	var faults []string
	switch {
	case args.Revoke && (texts || args.Resend):
		faults = append(faults, "--revoke stands alone: leave out --email, --name and --resend")
		args.Revoke = false
	case args.Resend && texts:
		faults = append(faults, "--resend stands alone: leave out --email and --name; a new address is mailed anyway")
		args.Resend = false
	case !args.Revoke && !args.Resend && !texts:
		faults = append(faults, "nothing to change: give --email and/or --name, or --revoke, or --resend")
		args.Revoke = true
	}
	return append(flagFaults(args), faults...)
}

// followUp waits for a job and returns what became of it. Nil waits for nothing.
type followUp func(ctx context.Context, w *waiter, job enqueued) (outcome, error)

// errand is a job and what its command does about it.
type errand struct {
	args   jobs.Args
	then   followUp
	asJSON bool
}

// enqueue puts one job in and prints its id; then comes what follows.
func (a *app) enqueue(command *cobra.Command, e errand) error {
	if err := usage(command, flagFaults(e.args)...); err != nil {
		return err
	}
	ctx := command.Context()
	return a.withSession(ctx, func(s *session) error {
		w, err := a.newWaiter(ctx, s, e.args.Organization())
		if err != nil {
			return err
		}
		receipt, err := s.client.Enqueue(ctx, e.args)
		if err != nil {
			return err
		}
		line := lineOf(e.args, receipt.ID)
		a.noteKey(e.args, line)
		if !e.asJSON {
			if err := a.print(receipt.ID); err != nil || e.then == nil {
				return err
			}
		}
		return a.seeThrough(ctx, w, e, line)
	})
}

// noteKey tells the id of an offer that is not its admin's own id.
func (a *app) noteKey(args jobs.Args, line jobLine) {
	if redeem, is := args.(jobs.Redeem); is && redeem.AdminInitiated {
		a.note("its id, by which it is shown, changed and revoked, is %s", line.OrganizationUserID)
	}
}

func (a *app) seeThrough(ctx context.Context, w *waiter, e errand, line jobLine) error {
	if e.then == nil {
		return a.printJSON(line)
	}
	v, err := e.then(ctx, w, enqueued{org: line.OrganizationID, id: line.ID})
	switch {
	case err == nil:
		line = line.ended(v)
	case ctx.Err() == nil && !errors.Is(err, boot.ErrTimedOut):
		line = line.ended(failure(err))
	}
	if e.asJSON {
		if printErr := a.printJSON(line); printErr != nil {
			return printErr
		}
	}
	if err == nil && v.err == nil {
		a.note("%s", v.text)
	}
	return errors.Join(err, v.err)
}

// finishing waits until a job is done: its effect is settled then.
func (a *app) finishing(wait patience, success string) followUp {
	if !wait.wait {
		return nil
	}
	return func(ctx context.Context, w *waiter, job enqueued) (outcome, error) {
		ctx, cancel := wait.limit(ctx)
		defer cancel()
		return outcome{state: settled, text: success}, w.job(ctx, job)
	}
}

// settling waits until a job is done, and then until its sponsorship is no
// longer pending.
func (a *app) settling(wait patience, t target) followUp {
	if !wait.wait {
		return nil
	}
	return func(ctx context.Context, w *waiter, job enqueued) (v outcome, err error) {
		ctx, cancel := wait.limit(ctx)
		defer cancel()
		if err := w.job(ctx, job); err != nil {
			return outcome{}, err
		}
		t.job = job.id
		err = w.settle(ctx, []target{t}, func(_ target, found outcome) { v = found })
		return v, err
	}
}
