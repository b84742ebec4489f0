package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// mostOffered is how many members or jobs a shell is offered.
const mostOffered = 200

// completer finds what a shell may complete a word to.
type completer func(ctx context.Context, s *session, command *cobra.Command) ([]cobra.Completion, error)

// completing gives every command's ids a completion from the ledger and the queue.
func (a *app) completing(command *cobra.Command) {
	for flag, find := range map[string]completer{"org": offerOrganizations, "user": offerMembers, "member": offerMembers} {
		if command.Flags().Lookup(flag) != nil {
			_ = command.RegisterFlagCompletionFunc(flag, a.completion(find)) // fails only if there is one already
		}
	}
	if parent := command.Parent(); parent != nil && parent.Name() == "jobs" && command.Name() != "list" {
		command.ValidArgsFunction = a.completion(offerDead)
	}
	for _, child := range command.Commands() {
		a.completing(child)
	}
}

// completion asks Redis, and offers nothing where that does not answer: never files.
func (a *app) completion(find completer) cobra.CompletionFunc {
	return func(command *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var found []cobra.Completion
		err := a.withSession(command.Context(), func(s *session) (err error) {
			found, err = find(command.Context(), s, command)
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError | cobra.ShellCompDirectiveNoFileComp
		}
		var fit []cobra.Completion
		for _, c := range found {
			if strings.HasPrefix(c, strings.ToLower(word)) {
				fit = append(fit, c)
			}
		}
		return fit, cobra.ShellCompDirectiveNoFileComp
	}
}

func offerOrganizations(ctx context.Context, s *session, _ *cobra.Command) ([]cobra.Completion, error) {
	all, err := view.ReadOrganizations(ctx, s.ledger)
	var found []cobra.Completion
	for _, org := range all {
		found = append(found, cobra.CompletionWithDesc(org.OrganizationID.String(), countsLine(org.Counts)))
	}
	return found, err
}

// offerMembers offers those of the organization that the line names. Their status tells
// them apart; an address has no place in a shell's menu.
func offerMembers(ctx context.Context, s *session, command *cobra.Command) ([]cobra.Completion, error) {
	org, err := sponsorship.ParseID(command.Flags().Lookup("org").Value.String())
	if err != nil {
		return nil, nil
	}
	rows, _, err := s.ledger.List(ctx, org, state.Page{Limit: mostOffered})
	var found []cobra.Completion
	for _, row := range rows {
		found = append(found, cobra.CompletionWithDesc(row.UserID.String(), statusWords(view.ShowSponsorship(row, nil))))
	}
	return found, err
}

func offerDead(ctx context.Context, s *session, _ *cobra.Command) ([]cobra.Completion, error) {
	var found []cobra.Completion
	for job, err := range s.inspector.Dead(ctx) {
		if err != nil || len(found) == mostOffered {
			return found, err
		}
		found = append(found, cobra.CompletionWithDesc(job.ID, job.Wish+": "+string(job.LastError.Code)))
	}
	return found, nil
}
