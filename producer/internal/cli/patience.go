package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config/boot"
)

// patience is whether a command waits for what it enqueued, and how long.
type patience struct {
	wait    bool
	timeout time.Duration // 0: as long as it takes
	asJSON  bool          // jobs are printed as objects
}

func waitFlag(command *cobra.Command, p *patience, until string) {
	command.Flags().BoolVar(&p.wait, "wait", false, "wait until "+until+"; status 1 if it fails for good")
	command.Flags().DurationVar(&p.timeout, "timeout", 0, "with --wait, wait no longer than `DURATION`; then status 3, and the job goes on")
	command.Flags().BoolVar(&p.asJSON, "json", false, "print each job as one JSON object a line, with --wait what became of it")
	command.PreRunE = func(command *cobra.Command, _ []string) error {
		if command.Flags().Changed("timeout") && (p.timeout <= 0 || !p.wait) {
			return usage(command, "--timeout goes with --wait and must be more than nothing, such as 10m")
		}
		return nil
	}
}

// limit ends the wait with boot.ErrTimedOut.
func (p patience) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, p.timeout, boot.ErrTimedOut)
}
