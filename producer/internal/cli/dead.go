package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
)

// deed is what a command does to dead jobs.
type deed struct {
	name, short string
	aliases     []string
	question    string // with the number of jobs
	done        string // what --json calls the id that is printed
	do          func(ctx context.Context, s *session, id string) (done string, err error)
}

func (a *app) jobsRetry() *cobra.Command {
	return a.jobsDo(deed{
		"retry", "Run dead jobs again, and print their new ids", nil, "This runs dead jobs again, %d in all, each with all its attempts:", "retriedAs",
		func(ctx context.Context, s *session, id string) (string, error) {
			return s.inspector.Retry(ctx, id)
		},
	})
}

func (a *app) jobsDelete() *cobra.Command {
	return a.jobsDo(deed{
		"delete", "Drop dead jobs for good", []string{"drop", "remove"}, "This drops dead jobs for good, %d in all; what they ask for does not happen:", "deleted",
		func(ctx context.Context, s *session, id string) (string, error) {
			return id, s.inspector.Delete(ctx, id)
		},
	})
}

// jobsDo builds a command on dead jobs: the ids given, or all that are dead.
func (a *app) jobsDo(d deed) *cobra.Command {
	var all, yes, dryRun, asJSON bool
	var f jobFilter
	command := &cobra.Command{
		Use: d.name + " ID...", Short: d.short, Aliases: d.aliases,
		Long: d.short + `.

It says what it is about to do and asks; --yes answers that.`,
		RunE: func(command *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return usage(command, "give the ids of dead jobs, or --all; not both")
			}
			if f.org != "" && !all {
				return usage(command, "--org goes with --all")
			}
			if err := usage(command, f.faults(command)...); err != nil {
				return err
			}
			ctx := command.Context()
			return a.withSession(ctx, func(s *session) error {
				chosen, err := choose(ctx, s, ids, f)
				switch {
				case err != nil:
					return err
				case dryRun:
					return a.print(chosen.question(d))
				case chosen.count > 0:
					err = a.confirm(ctx, chosen.question(d), yes)
				case all:
					a.note("no dead jobs")
				}
				if err != nil {
					return err
				}
				return eachJob(chosen.ids, func(id string) error {
					done, err := d.do(ctx, s, id)
					switch {
					case err != nil:
						return err
					case asJSON:
						return a.printJSON(map[string]string{"id": id, d.done: done})
					}
					return a.print(done)
				})
			})
		},
	}
	command.Flags().BoolVar(&all, "all", false, "all dead jobs, or with --org those of one organization")
	orgFlag(command, &f.org)
	command.Flags().BoolVar(&dryRun, "dry-run", false, "only say which jobs these are")
	command.Flags().BoolVar(&asJSON, "json", false, "print each job as one JSON object a line")
	yesFlag(command, &yes)
	return command
}

// mostNamed is how many jobs a question names.
const mostNamed = 20

// choice is the jobs that a command is about to deal with.
type choice struct {
	ids   []string // also those that are not dead, which are told then
	count int      // of the dead ones
	named []string // the first of these, a line each
}

func (c *choice) add(job enqueue.Status) {
	c.ids = append(c.ids, job.ID)
	if c.count++; c.count > mostNamed {
		return
	}
	line := fmt.Sprintf("  %s  %s", job.ID, job.Wish)
	if about := about(job); about != "" {
		line += ", " + about
	}
	c.named = append(c.named, line)
}

func (c *choice) question(d deed) string {
	text := fmt.Sprintf(d.question, c.count)
	for _, line := range c.named {
		text += "\n" + line
	}
	if more := c.count - len(c.named); more > 0 {
		text += fmt.Sprintf("\n  and %d more", more)
	}
	return text
}

// choose looks the given jobs up, or all dead ones if none is given. That is before
// anything is changed, since the list is read in pages.
func choose(ctx context.Context, s *session, ids []string, f jobFilter) (*choice, error) {
	c := &choice{}
	for _, id := range ids {
		job, found, err := s.inspector.Job(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case found && job.State == enqueue.StateDead:
			c.add(job)
		default:
			c.ids = append(c.ids, id)
		}
	}
	if len(ids) > 0 {
		return c, nil
	}
	f.states = []string{enqueue.StateDead}
	for job, err := range f.jobs(ctx, s) {
		if err != nil {
			return nil, err
		}
		c.add(job)
	}
	return c, nil
}

// eachJob goes on past jobs that are not there or not dead, and names each.
func eachJob(ids []string, do func(id string) error) error {
	var failures []error
	for _, id := range ids {
		err := do(id)
		if err != nil && !errors.Is(err, enqueue.ErrNotFound) && !errors.Is(err, enqueue.ErrNotDead) {
			return fmt.Errorf("job %s: %w", id, err)
		}
		if err != nil {
			failures = append(failures, jobError(id, err))
		}
	}
	return errors.Join(failures...)
}

func jobError(id string, err error) error {
	return &withHint{fmt.Errorf("job %q: %w", id, err),
		"'producer jobs list' shows the dead ones; a job that was done is forgotten after a day"}
}
