package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

func (a *app) jobsCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "jobs", Short: "Dead jobs: see them, run them again, drop them",
		Long: `A job that failed for good is dead: it is kept until somebody runs it again or
drops it. 'show' looks at any job, by the id that was printed when it was enqueued.`,
		GroupID: groupLook, Args: cobra.ArbitraryArgs, RunE: needsCommand,
		SuggestionsMinimumDistance: suggestionDistance,
	}
	command.AddCommand(a.jobsList(), a.jobsShow(),
		a.jobsDo("retry", "Run dead jobs again, and print their new ids", func(ctx context.Context, s *session, id string) error {
			again, err := s.inspector.Retry(ctx, id)
			if err != nil {
				return err
			}
			return a.print(again)
		}),
		a.jobsDo("delete", "Drop dead jobs for good", func(ctx context.Context, s *session, id string) error {
			if err := s.inspector.Delete(ctx, id); err != nil {
				return err
			}
			return a.print(id)
		}))
	return command
}

func (a *app) jobsList() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use: "list", Short: "List dead jobs", Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.withSession(command.Context(), func(s *session) error {
				if asJSON {
					return a.deadJSON(command.Context(), s)
				}
				return a.deadText(command.Context(), s)
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON document, an array")
	return command
}

func (a *app) deadText(ctx context.Context, s *session) error {
	const format = "%-36s  %-18s  %-8v  %-23s  %s\n"
	var codes []fault.Code
	count := 0
	for job, err := range s.inspector.Dead(ctx) {
		if err != nil {
			return err
		}
		if count++; count == 1 {
			_, _ = fmt.Fprintf(a.out, format, "JOB", "KIND", "ATTEMPTS", "ENQUEUED", "ERROR")
		}
		_, _ = fmt.Fprintf(a.out, format, job.ID, job.Kind, job.Attempts, enqueuedAt(job), faultText(job.LastError))
		codes = append(codes, job.LastError.Code)
	}
	if count == 0 {
		a.note("no dead jobs")
	}
	for _, hint := range codeHints(codes) {
		_, _ = fmt.Fprintln(a.out, "hint: "+hint)
	}
	return a.flush()
}

func (a *app) deadJSON(ctx context.Context, s *session) error {
	separator := "["
	for job, err := range s.inspector.Dead(ctx) {
		if err != nil {
			return err
		}
		text, err := json.Marshal(view.ShowJob(job))
		if err != nil {
			return fmt.Errorf("encode job: %w", err)
		}
		_, _ = fmt.Fprintf(a.out, "%s%s", separator, text)
		separator = ","
	}
	if separator == "[" {
		return a.print("[]")
	}
	return a.print("]")
}

func (a *app) jobsShow() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use: "show ID", Short: "Show one job", Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return a.withSession(command.Context(), func(s *session) error {
				job, found, err := s.inspector.Job(command.Context(), args[0])
				switch {
				case err != nil:
					return err
				case !found:
					return jobError(args[0], enqueue.ErrNotFound)
				case !asJSON:
					return a.jobText(job)
				}
				text, err := json.Marshal(view.ShowJob(job))
				if err != nil {
					return fmt.Errorf("encode job: %w", err)
				}
				return a.print(string(text))
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return command
}

func (a *app) jobText(job enqueue.Status) error {
	_, _ = fmt.Fprintf(a.out, "Job:       %s\nKind:      %s\nState:     %s\nAttempts:  %d\nEnqueued:  %s\n",
		job.ID, job.Kind, job.State, job.Attempts, enqueuedAt(job))
	if job.CompletedAt != nil {
		_, _ = fmt.Fprintf(a.out, "Completed: %s\n", clock(*job.CompletedAt))
	}
	if job.LastError != nil {
		_, _ = fmt.Fprintf(a.out, "Error:     %s\n", faultText(job.LastError))
	}
	if job.LastError != nil && job.LastError.Hint() != "" {
		_, _ = fmt.Fprintf(a.out, "Hint:      %s\n", job.LastError.Hint())
	}
	return a.flush()
}

// jobsDo builds retry and delete: the ids given, or all that are dead.
func (a *app) jobsDo(name, short string, do func(context.Context, *session, string) error) *cobra.Command {
	var all bool
	command := &cobra.Command{
		Use: name + " ID...", Short: short,
		RunE: func(command *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return usage(command, "give the ids of dead jobs, or --all; not both")
			}
			ctx := command.Context()
			return a.withSession(ctx, func(s *session) error {
				if all {
					var err error
					if ids, err = deadIDs(ctx, s); err != nil {
						return err
					}
				}
				return eachJob(ids, func(id string) error { return do(ctx, s, id) })
			})
		},
	}
	command.Flags().BoolVar(&all, "all", false, "all dead jobs")
	return command
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

// deadIDs are read before anything is changed, since the list is read in pages.
func deadIDs(ctx context.Context, s *session) ([]string, error) {
	var ids []string
	for job, err := range s.inspector.Dead(ctx) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, job.ID)
	}
	return ids, nil
}

func enqueuedAt(job enqueue.Status) string {
	if job.EnqueuedAt.IsZero() {
		return "unknown"
	}
	return clock(job.EnqueuedAt)
}
