package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func (a *app) pauseCommand() *cobra.Command {
	var org sponsorship.ID
	command := &cobra.Command{
		Use: "pause [--org ORG]", Short: "The emergency stop: send nothing until 'resume'",
		Long: `From now on no request leaves, of that organization or, without --org, at all; a
request that is under way comes to its end. Jobs are taken as before and wait
without losing attempts. It lasts over restarts, until 'producer resume'.`,
		GroupID: groupLook, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error { return a.stopOrGo(command, org, a.pause) },
	}
	orgFlag(command, &org)
	a.jsonFlag(command)
	return command
}

func (a *app) resumeCommand() *cobra.Command {
	var org sponsorship.ID
	command := &cobra.Command{
		Use: "resume [--org ORG]", Short: "Send again after 'pause'",
		Long: `Ends what 'pause' began: with --org the pause of that organization, without it the
one of everything. An organization that was paused by itself stays so.`,
		GroupID: groupLook, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error { return a.stopOrGo(command, org, a.resume) },
	}
	orgFlag(command, &org)
	a.jsonFlag(command)
	return command
}

func (a *app) stopOrGo(command *cobra.Command, org sponsorship.ID, do func(context.Context, *session, sponsorship.ID) error) error {
	if org != "" && !org.Valid() {
		return usage(command, "--org: must be a UUID")
	}
	settings, err := a.settings()
	if err != nil {
		return err
	}
	return a.connected(command.Context(), settings, func(s *session) error { return do(command.Context(), s, org) })
}

func (a *app) pause(ctx context.Context, s *session, org sponsorship.ID) error {
	if err := s.ledger.Stop(ctx, org, a.Now()); err != nil {
		return err
	}
	return a.result(pauseDocument(org, true, true), "paused: nothing of "+whom(org)+" is sent until 'producer resume'")
}

// resume wakes one organization at once; all of them are a herd, which the sweeps
// enqueue little by little.
func (a *app) resume(ctx context.Context, s *session, org sponsorship.ID) error {
	ended, err := s.ledger.Go(ctx, org)
	if err != nil {
		return err
	}
	if !ended {
		return a.result(pauseDocument(org, false, false), "nothing to resume: "+whom(org)+" was not paused")
	}
	if org != "" {
		known, _, err := s.ledger.Organization(ctx, org)
		if err != nil {
			return err
		}
		if known.Started {
			if err := enqueue.NewSystem(s.client).WakeNow(ctx, org, known.Generation); err != nil {
				return err
			}
		}
		if known.Stopped {
			return a.result(pauseDocument(org, true, true), "resumed "+whom(org)+"; but everything is paused still: producer resume")
		}
	}
	return a.result(pauseDocument(org, false, true), "resumed: what waits of "+whom(org)+" is sent now")
}

// pauseDocument is what --json says: whether sending is paused now, and whether the
// command has changed anything. A null organization is all of them.
func pauseDocument(org sponsorship.ID, paused, changed bool) map[string]any {
	document := map[string]any{"organizationId": nil, "paused": paused, "changed": changed}
	if org != "" {
		document["organizationId"] = org
	}
	return document
}

func whom(org sponsorship.ID) string {
	if org == "" {
		return "all organizations"
	}
	return "organization " + org.String()
}
