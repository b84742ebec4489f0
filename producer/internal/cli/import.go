package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

type importFlags struct {
	fileFlags
	org  sponsorship.ID
	wait patience
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	command := &cobra.Command{
		Use: "import --file FILE", Short: "Take over sponsorships that the cloud knows already",
		Long: `Enqueues an adopt job for each row of a file and prints the jobs' ids. The first
sync asks the cloud about them: nobody is mailed whom the cloud still knows, and
what it does not know is offered, and mailed, anew.

A file is CSV with a header, or NDJSON (one JSON object a line), as 'producer export'
writes it: organizationUserId (as the cloud knows it), sponsoredEmail, and optionally
organizationId (default: --org), friendlyName (default: the address),
adminInitiated and revoke (true or false; the cloud is to withdraw it). All rows are
checked first: if one is wrong, nothing is enqueued. What the ledger has already is
left as it is, so a file can be imported again.`,
		Example: `  producer import --file sponsorships.csv --dry-run
  producer export --org ORG | producer import --file - --env-file other.env`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error { return a.importFile(command, f) },
	}
	orgFlag(command, &f.org)
	f.add(command, "take over")
	waitFlag(command, &f.wait, "the cloud has answered")
	return command
}

func (f importFlags) faults(command *cobra.Command) []string {
	var faults []string
	if f.file == "" {
		faults = append(faults, "--file must name a file, or be - for standard input")
	}
	if command.Flags().Changed("org") {
		faults = append(faults, orgFaults(f.org)...)
	}
	if f.dryRun && f.wait.wait {
		faults = append(faults, "--wait does not go with --dry-run: there is nothing to wait for")
	}
	return faults
}

func (a *app) importFile(command *cobra.Command, f importFlags) error {
	if err := usage(command, f.faults(command)...); err != nil {
		return err
	}
	ctx := command.Context()
	rows, err := a.readRows(ctx, source{sheet: importSheet(), file: f.file, org: f.org, ignoreColumns: f.ignoreColumns})
	if err != nil {
		return err
	}
	return a.withSession(ctx, func(s *session) error {
		fresh, err := unknown(ctx, s, rows)
		if err != nil {
			return err
		}
		if f.dryRun {
			return a.printImport(rows, fresh)
		}
		if left := len(rows) - len(fresh); left > 0 {
			a.note("rows that the ledger has already, and that are left as they are: %d", left)
		}
		return a.enqueueRows(ctx, s, fresh, f.wait)
	})
}

func (a *app) printImport(rows, fresh []row) error {
	leaving := 0
	for _, r := range fresh {
		if adopt, is := r.args.(jobs.Adopt); is && adopt.Revoke {
			leaving++
		}
	}
	return a.print(fmt.Sprintf("rows:                  %d\ntaken over:            %d\n  of these withdrawn:  %d\nin the ledger already: %d",
		len(rows), len(fresh), leaving, len(rows)-len(fresh)))
}

// unknown returns the rows of which the ledger has no sponsorship that lives.
func unknown(ctx context.Context, s *session, rows []row) (fresh []row, err error) {
	err = s.eachRow(ctx, rows, func(r row, now sponsorship.Sponsorship) {
		if !now.Exists() {
			fresh = append(fresh, r)
		}
	})
	return fresh, err
}
