package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

type resumeFlags struct {
	org, member sponsorship.ID
	keep, yes   bool
	officialJob string
}

func (a *app) bridgeResumeCommand() *cobra.Command {
	var f resumeFlags
	command := &cobra.Command{
		Use: "resume --org ORG", Short: "Let the bridge go on after a hold",
		Long: `Lists what the bridge would do once it is let go on, asks, and lets it. It never offers
again what was removed here. An organization that was disconnected is taken up again
with the vault's connection.

--member settles one member whose sponsorship is gone from the vault: it is
withdrawn, or with --keep left to live on and only reported. --official-job says
whether the server's own sync has told the cloud of what was there before.`,
		Example: `  producer bridge resume --org ORG
  producer bridge resume --org ORG --member ORGUSER --keep
  producer bridge resume --org ORG --official-job ran`,
		Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := usage(command, f.faults()...); err != nil {
				return err
			}
			ctx := command.Context()
			return a.withBridge(ctx, false, func(s bridged) error { return a.bridgeResume(ctx, s, f) })
		},
	}
	orgFlag(command, &f.org)
	command.Flags().Var(idValue{&f.member}, "member", "settle one member, by the `UUID` of the organization user")
	command.Flags().BoolVar(&f.keep, "keep", false, "with --member, leave the offer and only report it")
	command.Flags().StringVar(&f.officialJob, "official-job", "", "`ran|never`: whether the server's own sync told the cloud of what was there before")
	yesFlag(command, &f.yes)
	a.jsonFlag(command)
	return command
}

func (f resumeFlags) faults() []string {
	faults := orgFaults(f.org)
	if f.member != "" && !f.member.Valid() {
		faults = append(faults, "--member must be a UUID")
	}
	if f.keep && f.member == "" {
		faults = append(faults, "--keep goes with --member")
	}
	switch merge.OfficialJob(f.officialJob) {
	case "", merge.OfficialJobRan, merge.OfficialJobNever:
	default:
		faults = append(faults, "--official-job must be ran or never")
	}
	if f.officialJob != "" && f.member != "" {
		faults = append(faults, "--official-job and --member exclude each other")
	}
	return faults
}

// edit is what the person's word makes of the memory.
func (a *app) edit(f resumeFlags) func(merge.Memory) merge.Memory {
	return func(m merge.Memory) merge.Memory {
		switch {
		case f.keep:
			return merge.Settle(m, f.member, merge.SettledKeep)
		case f.member != "":
			return merge.Settle(m, f.member, merge.SettledWithdraw)
		case f.officialJob != "":
			return merge.Answer(m, merge.OfficialJob(f.officialJob))
		}
		return merge.Resume(m, a.Now())
	}
}

func (a *app) bridgeResume(ctx context.Context, s bridged, f resumeFlags) error {
	known, _, err := s.ledger.Organization(ctx, f.org)
	if err != nil {
		return err
	}
	kept, err := s.memory.Load(ctx, f.org)
	if err != nil {
		return err
	}
	if err := f.pointless(kept.Memory, known.Disconnected); err != nil {
		return err
	}
	after, err := s.Preview(ctx, f.org, a.edit(f))
	if err != nil {
		return err
	}
	if err := a.printLetThrough(f.org, after); err != nil {
		return err
	}
	if len(after.Writes) > 0 && kept.Resumed[fault.HeldFirstWrite].IsZero() {
		if err := a.printBackup(s.target); err != nil {
			return err
		}
	}
	if err := a.confirm(ctx, "This lets the bridge do that now.", f.yes); err != nil {
		return err
	}
	if known.Disconnected {
		if _, err := s.ledger.Reconnect(ctx, f.org); err != nil {
			return err
		}
	}
	if _, err := s.memory.Change(ctx, f.org, a.Now(), a.edit(f)); err != nil {
		return err
	}
	if err := s.memory.Ask(ctx, f.org); err != nil {
		return err
	}
	running := known.Bridge != nil && known.Bridge.Running
	if a.asJSON {
		return a.printJSON(resumption{s.forecast(f.org, after), true, running})
	}
	return a.print(resumed(f.org, running))
}

// resumption is what was let through, as a document.
type resumption struct {
	forecast
	Resumed bool `json:"resumed"`
	Running bool `json:"running"` // a bridge, which does it
}

// talk is where a person reads what is about to happen: not among the results of a script.
func (a *app) talk() io.Writer {
	if a.asJSON {
		return printable.Writer(a.Stderr)
	}
	return a.out
}

func resumed(org sponsorship.ID, running bool) string {
	if running {
		return "resumed " + org.String() + ": the bridge looks at it now"
	}
	return "resumed " + org.String() + ": the bridge looks at it when it runs; none does at the moment"
}

// pointless says why the word would change nothing.
func (f resumeFlags) pointless(m merge.Memory, disconnected bool) error {
	has := func(match func(merge.Hold) bool) bool {
		for _, h := range m.Holds {
			if match(h) {
				return true
			}
		}
		return false
	}
	takeOver := has(func(h merge.Hold) bool { return h.Reason == fault.HeldTakeOver })
	switch {
	case disconnected:
		return nil
	case f.officialJob != "" && !takeOver:
		return fmt.Errorf("nothing of organization %s waits for that answer", f.org)
	case f.officialJob != "":
		return nil
	case f.member != "" && !has(func(h merge.Hold) bool { return h.User == f.member }):
		return fmt.Errorf("nothing of member %s is held", f.member)
	case f.member != "" || has(func(h merge.Hold) bool { return h.User == "" && h.Reason != fault.HeldTakeOver }):
		return nil
	case takeOver:
		return &withHint{fmt.Errorf("organization %s waits for an answer", f.org), fault.HeldTakeOver.Hint()}
	case len(m.Holds) > 0:
		return &withHint{fmt.Errorf("of organization %s only single members are held", f.org), fault.HeldRowVanished.Hint()}
	}
	return fmt.Errorf("nothing of organization %s is held", f.org)
}

// listed is how many jobs are named one by one.
const listed = 100

func (a *app) printLetThrough(org sponsorship.ID, p bridge.Preview) error {
	c := p.Counts
	_, _ = fmt.Fprintf(a.talk(), "Organization %s: %d taken over, %d offered and mailed, %d changed, %d withdrawn; in the vault %d written, %d deleted\n",
		organizationWords(p.Name, org), c.Known, c.Offers, c.Changes, c.Withdrawals, c.Writes, c.Deletions)
	a.printListed(len(p.Jobs), len(p.Jobs), func(i int) string { return jobWords(p.Jobs[i]) })
	a.printListed(len(p.Writes), c.Writes+c.Deletions, func(i int) string { return writeWords(p.Writes[i]) })
	for _, h := range p.Memory.Holds {
		who := ""
		if h.User != "" {
			who = " for member " + h.User.String()
		}
		_, _ = fmt.Fprintf(a.talk(), "  still held%s: %s\n", who, h.Reason)
	}
	return a.flush()
}

// printListed names the first of so many.
func (a *app) printListed(known, all int, words func(int) string) {
	for i := range min(known, listed) {
		_, _ = fmt.Fprintln(a.talk(), "  "+words(i))
	}
	if all > listed {
		_, _ = fmt.Fprintf(a.talk(), "  and %d more\n", all-listed)
	}
}

// jobWords is one wish for people.
func jobWords(job merge.Job) string {
	switch args := job.Args.(type) {
	case jobs.Redeem:
		return fmt.Sprintf("offer to %s, by member %s", args.SponsoredEmail, args.OrganizationUserID)
	case jobs.Adopt:
		text := fmt.Sprintf("take over %s, of member %s", args.SponsoredEmail, args.OrganizationUserID)
		if args.Revoke {
			text += ", to be withdrawn"
		}
		return text
	case jobs.ChangeSponsorship:
		if args.Revoke {
			return fmt.Sprintf("withdraw %s", args.OrganizationUserID)
		}
		parts := append([]string(nil), "change "+args.OrganizationUserID.String())
		if args.SponsoredEmail != "" {
			parts = append(parts, "to "+args.SponsoredEmail)
		}
		if args.FriendlyName != "" {
			parts = append(parts, "named "+printable.Line(args.FriendlyName))
		}
		return strings.Join(parts, ", ")
	}
	return string(job.Args.Kind())
}
