package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs"
)

type redeemFlags struct {
	fileFlags
	args jobs.Redeem
	wait patience
}

func (a *app) redeemCommand() *cobra.Command {
	var f redeemFlags
	command := &cobra.Command{
		Use: "redeem --org ORG (--user ORGUSER --email ADDRESS | --file FILE)", Short: "Offer a sponsorship, or many from a file",
		Long: `Enqueues a redeem and prints the job's id; with --file, one per row.

A file is CSV with a header, or NDJSON (one JSON object a line). Columns and fields:
organizationUserId (or user), sponsoredEmail (email), and optionally organizationId
(org; default: --org), friendlyName (name; default: the address), adminInitiated
(admin-initiated: true or false). Columns are separated by commas, semicolons or
tabs; the file is UTF-8, or UTF-16 as spreadsheets write it. All rows are checked
first: if one is wrong, nothing is enqueued. Running a file a second time changes
nothing for rows that are in already. Above 100 new offers, each of which is mailed,
it asks; --yes answers that, and --dry-run only says how many there would be.`,
		Example: `  producer redeem --org ORG --user ORGUSER --email someone@example.com --wait
  producer redeem --org ORG --file members.csv --wait
  generate-rows | producer redeem --org ORG --file -`,
		GroupID: groupDaily, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if command.Flags().Changed("file") {
				return a.redeemFile(command, f)
			}
			if f.dryRun || f.ignoreColumns || f.yes {
				return usage(command, "--dry-run, --ignore-columns and --yes go with --file")
			}
			f.args.SponsoredEmail = strings.TrimSpace(f.args.SponsoredEmail)
			if err := a.resolve(command.Context(), f.args.OrganizationID, &f.args.OrganizationUserID); err != nil {
				return err
			}
			return a.enqueue(command, errand{f.args, a.settling(f.wait, row{args: f.args}.target()), f.wait.asJSON})
		},
	}
	orgFlag(command, &f.args.OrganizationID)
	a.memberFlag(command, &f.args.OrganizationUserID, "the organization user who sponsors")
	command.Flags().StringVar(&f.args.SponsoredEmail, "email", "", "the recipient's `ADDRESS`")
	command.Flags().StringVar(&f.args.FriendlyName, "name", "", "label of the sponsorship, `NAME` (default: the address)")
	command.Flags().BoolVar(&f.args.AdminInitiated, "admin-initiated", false, "--user is an admin who may sponsor several recipients")
	f.add(command, "redeem")
	yesFlag(command, &f.yes)
	waitFlag(command, &f.wait, "the cloud has answered")
	return command
}

// redeemFile checks all, then enqueues all, then waits for all.
func (a *app) redeemFile(command *cobra.Command, f redeemFlags) error {
	if err := usage(command, f.fileFaults(command)...); err != nil {
		return err
	}
	ctx := command.Context()
	rows, err := a.readRows(ctx, source{sheet: redeemSheet(), file: f.file, org: f.args.OrganizationID, ignoreColumns: f.ignoreColumns})
	if err != nil {
		return err
	}
	return a.withSession(ctx, func(s *session) error {
		would, err := s.preview(ctx, rows)
		switch {
		case err != nil:
			return err
		case f.dryRun:
			return a.print(would.lines())
		case would.offers > mostUnasked:
			err = a.confirm(ctx, "This offers many sponsorships at once:\n"+would.lines(), f.yes)
		}
		if err != nil {
			return err
		}
		return a.enqueueRows(ctx, s, rows, f.wait)
	})
}

func (f redeemFlags) fileFaults(command *cobra.Command) []string {
	var faults []string
	for _, name := range []string{"user", "email", "name", "admin-initiated"} {
		if command.Flags().Changed(name) {
			faults = append(faults, "--"+name+" does not go with --file: it is a column there")
		}
	}
	if f.dryRun && f.wait.wait {
		faults = append(faults, "--wait does not go with --dry-run: there is nothing to wait for")
	}
	if command.Flags().Changed("org") {
		faults = append(faults, orgFaults(f.args.OrganizationID)...)
	}
	return faults
}
