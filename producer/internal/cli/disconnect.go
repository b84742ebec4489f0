package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/erase"
)

type disconnectFlags struct {
	org                   sponsorship.ID
	withdraw, forget, yes bool
	timeout               time.Duration
}

func (a *app) disconnectCommand() *cobra.Command {
	var f disconnectFlags
	command := &cobra.Command{
		Use: "disconnect --org ORG", Short: "End an organization here",
		Long: `Erases the billing sync token and the license key: nothing is sent for the
organization any more, until it is connected again and its first sync started by
hand. What the cloud holds lives on there, without anybody here who could withdraw
it; so --withdraw withdraws all of it first, and waits until the cloud has answered.
A sponsorship that is in use ends at the end of its term all the same.

--forget erases all that is known of the organization: sponsorships, jobs, dates. It
asks before anything is changed; --yes answers that.`,
		Example: `  producer disconnect --org ORG --withdraw
  producer disconnect --org ORG --withdraw --timeout 1h --forget --yes`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := usage(command, f.faults(command)...); err != nil {
				return err
			}
			ctx := command.Context()
			return a.withSession(ctx, func(s *session) error { return a.disconnect(ctx, s, f) })
		},
	}
	orgFlag(command, &f.org)
	command.Flags().BoolVar(&f.withdraw, "withdraw", false, "withdraw all that is offered first, and wait for the cloud")
	command.Flags().BoolVar(&f.forget, "forget", false, "erase all that is known of the organization")
	command.Flags().DurationVar(&f.timeout, "timeout", 0, "with --withdraw, wait no longer than `DURATION`; then status 3, and nothing is disconnected")
	yesFlag(command, &f.yes)
	a.jsonFlag(command)
	return command
}

func (f disconnectFlags) faults(command *cobra.Command) []string {
	faults := orgFaults(f.org)
	if command.Flags().Changed("timeout") && (f.timeout <= 0 || !f.withdraw) {
		faults = append(faults, "--timeout goes with --withdraw and must be more than nothing, such as 10m")
	}
	return faults
}

func (a *app) disconnect(ctx context.Context, s *session, f disconnectFlags) error {
	_, known, err := s.ledger.Organization(ctx, f.org)
	switch {
	case err != nil:
		return err
	case !known:
		return fault.New(fault.ConnectionMissing, "organization %s is not known here", f.org)
	}
	e := s.eraser()
	offers, err := e.Offers(ctx, f.org)
	if err != nil {
		return err
	}
	if err := a.confirm(ctx, f.question(offers), f.yes); err != nil {
		return err
	}
	if f.withdraw {
		if err := a.withdraw(ctx, s, f); err != nil {
			return err
		}
		if offers, err = e.Offers(ctx, f.org); err != nil {
			return err
		}
	}
	return a.end(ctx, e, f, offers)
}

// question says what is about to happen.
func (f disconnectFlags) question(offers int) string {
	text := fmt.Sprintf("This ends organization %s here: nothing is sent for it any more. ", f.org)
	switch {
	case offers == 0:
		text += "The cloud holds no offer of it."
	case f.withdraw:
		text += fmt.Sprintf("%d offers that live in the cloud are withdrawn first.", offers)
	default:
		text += fmt.Sprintf("%d offers live on in the cloud, and nobody here can withdraw them then (--withdraw does that first).", offers)
	}
	if f.forget {
		text += " All that is known of it here is erased."
	}
	return text
}

// end disconnects, and tells what is left of offers in the cloud.
func (a *app) end(ctx context.Context, e erase.Eraser, f disconnectFlags, offers int) error {
	if err := e.Disconnect(ctx, f.org); err != nil {
		return err
	}
	a.note("offers that live on in the cloud: %d", offers)
	document := map[string]any{"organizationId": f.org, "disconnected": true, "offers": offers, "erased": f.forget, "jobsDropped": 0}
	if !f.forget || !a.asJSON {
		if err := a.result(document, "disconnected "+f.org.String()); err != nil || !f.forget {
			return err
		}
	}
	dropped, err := e.Organization(ctx, f.org)
	if err != nil {
		return &withHint{err, fmt.Sprintf("it is disconnected; to erase the rest: producer disconnect --org %s --forget", f.org)}
	}
	document["jobsDropped"] = dropped
	return a.result(document, fmt.Sprintf("erased %s; jobs dropped: %d", f.org, dropped))
}

// withdraw returns once all that was offered is withdrawn, or why it is not.
func (a *app) withdraw(ctx context.Context, s *session, f disconnectFlags) error {
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, boot.ErrTimedOut)
		defer cancel()
	}
	w, err := a.newWaiter(ctx, s, f.org)
	if err != nil {
		return err
	}
	begun, err := s.eraser().Withdraw(ctx, f.org)
	if err != nil {
		return err
	}
	for _, id := range begun.Jobs {
		if err := w.job(ctx, enqueued{org: f.org, id: id}); ctx.Err() != nil {
			return err
		} // whatever became of the job, the sponsorship tells
	}
	targets := make([]target, len(begun.Open))
	for i, id := range begun.Open {
		targets[i] = target{org: f.org, id: id, change: true}
	}
	var failures []error
	err = w.settle(ctx, targets, func(t target, v outcome) {
		if v.state != settled {
			failures = append(failures, fmt.Errorf("%s is not withdrawn: %s", t.id, v.text))
		}
	})
	if err = errors.Join(err, errors.Join(failures...)); err != nil {
		return err
	}
	return a.allWithdrawn(ctx, s, f.org)
}

func (a *app) allWithdrawn(ctx context.Context, s *session, org sponsorship.ID) error {
	left, err := s.eraser().Unwithdrawn(ctx, org)
	if err != nil || left == 0 {
		return err
	}
	return &withHint{fmt.Errorf("%d offers are not withdrawn, and nothing is disconnected", left),
		fmt.Sprintf("see 'producer status --org %s' and 'producer jobs list', then do it again", org)}
}
