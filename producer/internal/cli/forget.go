package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/erase"
)

func (a *app) forgetCommand() *cobra.Command {
	var (
		org, user sponsorship.ID
		yes       bool
	)
	command := &cobra.Command{
		Use: "forget --org ORG --user ORGUSER", Short: "Erase one person whose sponsorship is over",
		Long: `Erases the address and the name of one sponsorship, and drops its jobs: those that
wait, those that died and those that are done. What stays holds neither; it keeps
later events in order. While the sponsorship is not over this is refused, for the
cloud must be told by the address that the offer is withdrawn. Of an admin-initiated
one, --user is the id that 'producer status' shows.

Without this, SPONSORSYNC_FORGET_AFTER says how long address and name are kept.`,
		GroupID: groupDaily, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := a.resolve(command.Context(), org, &user); err != nil {
				return err
			}
			if err := usage(command, memberFaults(org, user)...); err != nil {
				return err
			}
			ctx := command.Context()
			return a.withSession(ctx, func(s *session) error {
				question := fmt.Sprintf("This erases address and name of %s, and drops jobs of that sponsorship that still wait.", user)
				if err := a.confirm(ctx, question, yes); err != nil {
					return err
				}
				return a.forget(ctx, s, org, user)
			})
		},
	}
	orgFlag(command, &org)
	a.memberFlag(command, &user, "the organization user who sponsored")
	yesFlag(command, &yes)
	a.jsonFlag(command)
	return command
}

func memberFaults(org, user sponsorship.ID) []string {
	return append(orgFaults(org), idFaults("--user", user)...)
}

func (a *app) forget(ctx context.Context, s *session, org, user sponsorship.ID) error {
	done, err := s.eraser().Person(ctx, org, user)
	if offered, ok := errors.AsType[*erase.OfferedError](err); ok {
		return &withHint{err, offered.Hint()}
	}
	switch {
	case err != nil:
		return err
	case !done.Known && done.Jobs == 0:
		return a.result(map[string]any{"organizationId": org, "organizationUserId": user, "forgotten": false, "jobsDropped": 0}, "nothing to forget: no address of "+user.String()+" is kept here")
	}
	return a.result(map[string]any{"organizationId": org, "organizationUserId": user, "forgotten": true, "jobsDropped": done.Jobs},
		fmt.Sprintf("forgot %s; jobs dropped: %d", user, done.Jobs))
}
