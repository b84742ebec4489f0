package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func (a *app) exportCommand() *cobra.Command {
	var (
		org    sponsorship.ID
		asJSON bool
	)
	command := &cobra.Command{
		Use: "export --org ORG", Short: "Write the sponsorships of an organization, for 'producer import'",
		Long: `Writes every sponsorship that is not over as CSV with a header, or with --json as
NDJSON: what the cloud knows of it, and whether it is to be withdrawn. An address
that is being replaced is written as the cloud has it. The file holds addresses; keep
it as you keep those.`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := usage(command, orgFaults(org)...); err != nil {
				return err
			}
			return a.withSession(command.Context(), func(s *session) error {
				_, known, err := s.ledger.Organization(command.Context(), org)
				switch {
				case err != nil:
					return err
				case !known:
					return fault.New(fault.ConnectionMissing, "organization %s is not known here", org)
				case asJSON:
					return a.export(command.Context(), s, org, a.exportJSON)
				}
				return a.exportCSV(command.Context(), s, org)
			})
		},
	}
	orgFlag(command, &org)
	command.Flags().BoolVar(&asJSON, "json", false, "write NDJSON: one JSON object a line")
	return command
}

func (a *app) exportJSON(row jobs.Adopt) error {
	text, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("encode sponsorship: %w", err)
	}
	_, err = fmt.Fprintf(a.out, "%s\n", text)
	return err
}

func (a *app) exportCSV(ctx context.Context, s *session, org sponsorship.ID) error {
	table := csv.NewWriter(a.out)
	err := table.Write([]string{"organizationId", "organizationUserId", "sponsoredEmail", "friendlyName", "adminInitiated", "revoke"})
	if err != nil {
		return err
	}
	return a.export(ctx, s, org, func(row jobs.Adopt) error {
		err := table.Write([]string{
			string(row.OrganizationID), string(row.OrganizationUserID), row.SponsoredEmail, row.FriendlyName,
			strconv.FormatBool(row.AdminInitiated), strconv.FormatBool(row.Revoke),
		})
		table.Flush()
		return err
	})
}

// export writes all that is not over, a page at a time. A sponsorship that changes its
// status meanwhile may be listed twice, and is written once.
func (a *app) export(ctx context.Context, s *session, org sponsorship.ID, write func(jobs.Adopt) error) error {
	written, replaced := map[sponsorship.ID]bool{}, 0
	living := slices.DeleteFunc(sponsorship.Statuses(), func(s sponsorship.Status) bool { return sponsorship.Sponsorship{Status: s}.Over() })
	for page := (state.Page{Statuses: living, Limit: statusPage}); ; {
		rows, next, err := s.ledger.List(ctx, org, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			as, whole, exists := sponsorship.Handover(row)
			if !exists || written[row.UserID] {
				continue
			}
			written[row.UserID] = true
			if !whole {
				replaced++
			}
			if err := write(jobs.Adopt{
				OrganizationID: org, OrganizationUserID: row.UserID, SponsoredEmail: as.Email, FriendlyName: as.Name,
				AdminInitiated: as.AdminInitiated, Revoke: as.Revoke,
			}); err != nil {
				return fmt.Errorf("write output: %w", err)
			}
		}
		if err := a.flush(); err != nil {
			return err
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if replaced > 0 {
		a.note("sponsorships whose offer waits to be replaced, and that were written as the cloud has them: %d", replaced)
	}
	return nil
}
