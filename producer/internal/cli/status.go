package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// statusPage is how many sponsorships are read and printed at once: there may
// be a hundred thousand.
const statusPage = 1000

func (a *app) statusCommand() *cobra.Command {
	var (
		org    sponsorship.ID
		f      rowFilter
		asJSON bool
	)
	command := &cobra.Command{
		Use: "status [--org ORG]", Short: "Health in one look, or one organization with all its sponsorships",
		Long: `Without --org it looks at the whole: workers, Redis, NATS, the scheduler, queues,
bounds, the cloud as the last syncs found it, the bridge and the organizations.

With --org it shows that organization: Last full sync says Never until the first
one. Awaiting sync means that the sponsorship was accepted here and waits for the
cloud. With --json the same objects come as the HTTP API has them.`,
		GroupID: groupLook, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := usage(command, f.faults(command, org)...); err != nil {
				return err
			}
			if !command.Flags().Changed("org") {
				return a.statusOfAll(command.Context(), asJSON)
			}
			if err := usage(command, orgFaults(org)...); err != nil {
				return err
			}
			if err := a.resolve(command.Context(), org, &f.user); err != nil {
				return err
			}
			return a.withSession(command.Context(), func(s *session) error {
				shown, known, err := view.ReadOrganization(command.Context(), s.ledger, org)
				switch {
				case err != nil:
					return err
				case !known:
					return fault.New(fault.ConnectionMissing, "organization %s is not known here", org)
				case asJSON:
					return a.statusJSON(command.Context(), s, statusOf{shown, f})
				}
				return a.statusText(command.Context(), s, statusOf{shown, f})
			})
		},
	}
	orgFlag(command, &org)
	a.memberFlag(command, &f.user, "one organization user, of whom alone the sponsorship is shown")
	command.Flags().StringSliceVar(&f.statuses, "status", nil, "only sponsorships in these `STATUSES`: "+statusNames())
	command.Flags().StringVar(&f.email, "email", "", "only the recipient with this `ADDRESS`")
	command.Flags().IntVar(&f.limit, "limit", 0, "no more than `N` sponsorships")
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return command
}

func orgFaults(org sponsorship.ID) []string {
	return idFaults("--org", org)
}

// idFaults says what is wrong with an id that a flag holds.
func idFaults(flag string, id sponsorship.ID) []string {
	switch {
	case id.Valid():
		return nil
	case id == "":
		return []string{flag + " is missing; it is a UUID"}
	}
	return []string{flag + " must be a UUID such as 6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"}
}

// statusJSON writes one document, a page at a time.
func (a *app) statusJSON(ctx context.Context, s *session, org statusOf) error {
	head, err := json.Marshal(org.Organization)
	if err != nil {
		return fmt.Errorf("encode organization: %w", err)
	}
	_, _ = fmt.Fprintf(a.out, `{"organization":%s,"sponsorships":[`, head)
	separator := ""
	err = a.eachSponsorship(ctx, s, org, func(v view.Sponsorship) error {
		row, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode sponsorship: %w", err)
		}
		_, _ = fmt.Fprintf(a.out, "%s%s", separator, row)
		separator = ","
		return nil
	})
	if err != nil {
		return err
	}
	return a.print("]}")
}

func (a *app) statusText(ctx context.Context, s *session, org statusOf) error {
	workers, err := s.inspector.Workers(ctx)
	if err != nil {
		return err
	}
	names := a.names(ctx, org.OrganizationID)
	for _, line := range organizationLines(org.Organization, names.Organization, workers) {
		_, _ = fmt.Fprintln(a.out, line)
	}
	const format = "%-36s  %-23s  %-23s  %s\n"
	header := true
	var codes []fault.Code
	err = a.eachSponsorship(ctx, s, org, func(v view.Sponsorship) error {
		if header {
			_, _ = fmt.Fprintf(a.out, "\n"+format, "MEMBER", "STATUS", "LAST SYNC", "RECIPIENT")
			header = false
		}
		_, _ = fmt.Fprintf(a.out, format, v.OrganizationUserID, statusWords(v), clockOr(v.LastSyncAt, never), recipient(v))
		if line := memberLine(names, v.OrganizationUserID); line != "" {
			_, _ = fmt.Fprintln(a.out, line)
		}
		if v.Reason != nil {
			_, _ = fmt.Fprintf(a.out, "    %s: %s\n", v.Reason.Code, printable.Line(v.Reason.Message))
			codes = append(codes, v.Reason.Code)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, hint := range codeHints(codes) {
		_, _ = fmt.Fprintln(a.out, "hint: "+hint)
	}
	return a.flush()
}

// organizationLines is the organization for people.
func organizationLines(org view.Organization, name string, workers []state.Worker) []string {
	next := clockOr(org.NextSyncAt, "after the first one: producer sync --org "+org.OrganizationID.String()+officialJobFlag(org.FromVault))
	lines := []string{
		"Organization:       " + organizationWords(name, org.OrganizationID),
		"Cloud organization: " + cloudOrganization(org),
		"Last full sync:     " + clockOr(org.LastSyncAt, never),
		"Next sync:          " + next,
		"Sending:            " + sendingWords(org.Paused, workers),
		"Last license sync:  " + clockOr(org.LastLicenseSyncAt, never),
	}
	lines = append(lines, failureLines("Last error:         ", org.LastError)...)
	if org.LastLicenseError != nil { // most organizations never ask for a license
		lines = append(lines, failureLines("Last license error: ", org.LastLicenseError)...)
	}
	lines = append(lines, bridgeLines(org)...)
	if said := org.OfficialJobOff; said != nil {
		lines = append(lines, "Server's own job:   off, as somebody said "+clock(said.At)+" with job "+said.JobID)
	}
	return append(lines, "Sponsorships:       "+countsLine(org.Counts))
}

func sendingWords(paused bool, workers []state.Worker) string {
	if paused {
		return "paused: nothing leaves until 'producer resume'"
	}
	if older, found := state.Outdated(workers); found {
		return fmt.Sprintf("held back: the worker %s is of an older release; newer ones send nothing until it has ended", older)
	}
	return "on"
}

func cloudOrganization(org view.Organization) string {
	switch {
	case !org.Connected, org.CloudOrganizationID == nil:
		return "not connected: producer connect --org " + org.OrganizationID.String() + " --cloud-org CLOUDORG"
	}
	return org.CloudOrganizationID.String()
}

func failureLines(label string, e *view.Error) []string {
	if e == nil {
		return []string{label + "none"}
	}
	const indent = "                    "
	when := clock(e.At)
	if e.Attempts > 1 {
		when += fmt.Sprintf(" (failure %d in a row)", e.Attempts)
	}
	switch {
	case e.NextAttempt != nil:
		when += ", next attempt " + clock(*e.NextAttempt)
	case e.Code.NeedsAdmin():
		when += ", not tried again by itself until somebody acts"
	}
	return []string{label + string(e.Code) + ", " + when, indent + e.Message, indent + "hint: " + e.Hint}
}

func countsLine(counts map[sponsorship.Status]int64) string {
	var total int64
	var parts []string
	for _, s := range sponsorship.Statuses() {
		if n := counts[s]; n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ToLower(view.Word(s))))
		}
	}
	if total == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", total, strings.Join(parts, ", "))
}

// recipient is the address, and the label where it says more. Of a sponsorship
// that is long over neither is kept.
func recipient(v view.Sponsorship) string {
	text := cmp.Or(v.SponsoredEmail, "(forgotten)")
	if v.FriendlyName != "" && v.FriendlyName != v.SponsoredEmail {
		text += " (" + v.FriendlyName + ")"
	}
	if v.AdminInitiated {
		text += " [admin-initiated]"
	}
	return printable.Line(text)
}
