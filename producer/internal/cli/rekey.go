package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func (a *app) rekeyCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "rekey", Short: "Encrypt what is stored under the first key",
		Long: `Encrypts what is stored (billing sync tokens, license keys, the bridge's own keys)
under the first key of SPONSORSYNC_ENCRYPTION_KEY. To change the key: put the new one
in front of the old, separated by a comma, for every worker and producer; restart
them; run this; then take the old key away and restart them again. It can be
repeated, and everything may go on meanwhile.`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			settings, err := a.settings(config.EncryptionKey)
			if err != nil {
				return err
			}
			ctx := command.Context()
			return a.connected(ctx, settings, func(s *session) error { return a.rekey(ctx, s) })
		},
	}
	a.jsonFlag(command)
	return command
}

// rekey goes on past what it cannot read, and names that: the old key must stay for it.
func (a *app) rekey(ctx context.Context, s *session) error {
	all, err := s.ledger.Organizations(ctx)
	if err != nil {
		return err
	}
	done, failures := 0, []error{}
	for _, org := range all {
		n, err := s.rekeyOne(ctx, org)
		done += n
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	if err := a.result(map[string]any{"encrypted": done, "organizations": len(all)}, fmt.Sprintf("encrypted anew: %d; of %d organizations", done, len(all))); err != nil {
		return err
	}
	if len(failures) > 0 {
		return &withHint{errors.Join(failures...), "keep the old key behind a comma in SPONSORSYNC_ENCRYPTION_KEY until this ends without an error"}
	}
	return nil
}

func (s *session) rekeyOne(ctx context.Context, org sponsorship.ID) (done int, err error) {
	done, err = s.ledger.Rekey(ctx, org)
	again, bridgeErr := s.memory.Rekey(ctx, org)
	if again {
		done++
	}
	return done, errors.Join(err, bridgeErr)
}
