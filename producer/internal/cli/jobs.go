package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

func (a *app) jobsCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "jobs", Short: "Dead jobs: see them, run them again, drop them",
		Long: `A job that failed for good is dead: it is kept until somebody runs it again or
drops it; both are asked about first. 'show' looks at any job, by the id that was printed
when it was enqueued.`,
		GroupID: groupLook, Args: cobra.ArbitraryArgs, RunE: needsCommand,
		SuggestionsMinimumDistance: suggestionDistance,
	}
	command.AddCommand(a.jobsList(), a.jobsShow(), a.jobsRetry(), a.jobsDelete())
	return command
}

func (a *app) jobsList() *cobra.Command {
	var f jobFilter
	var asJSON bool
	command := &cobra.Command{
		Use: "list", Short: "List dead jobs, or those in other states", Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := usage(command, f.faults(command)...); err != nil {
				return err
			}
			return a.withSession(command.Context(), func(s *session) error {
				if asJSON {
					return a.jobsJSON(f.jobs(command.Context(), s))
				}
				return a.jobsText(f.jobs(command.Context(), s), f)
			})
		},
	}
	orgFlag(command, &f.org)
	command.Flags().StringSliceVar(&f.states, "state", []string{enqueue.StateDead}, "jobs in these `STATES`: "+strings.Join(enqueue.States(), ", "))
	command.Flags().IntVar(&f.limit, "limit", 0, "no more than `N` jobs")
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON document, an array")
	return command
}

func (a *app) jobsText(all iter.Seq2[enqueue.Status, error], f jobFilter) error {
	const format = "%-36s  %-23s  %-8s  %-8v  %s\n"
	var codes []fault.Code
	count := 0
	for job, err := range all {
		if err != nil {
			return err
		}
		if count++; count == 1 {
			_, _ = fmt.Fprintf(a.out, format, "JOB", "WISH", "STATE", "ATTEMPTS", "ENQUEUED")
		}
		_, _ = fmt.Fprintf(a.out, format, job.ID, job.Wish, job.State, job.Attempts, enqueuedAt(job))
		if about := about(job); about != "" {
			_, _ = fmt.Fprintln(a.out, "    "+about)
		}
		if job.LastError != nil {
			_, _ = fmt.Fprintln(a.out, "    "+faultText(job.LastError))
			codes = append(codes, job.LastError.Code)
		}
	}
	if count == 0 {
		a.note("no %s jobs", strings.Join(f.states, " or "))
	}
	for _, hint := range codeHints(codes) {
		_, _ = fmt.Fprintln(a.out, "hint: "+hint)
	}
	return a.flush()
}

func (a *app) jobsJSON(all iter.Seq2[enqueue.Status, error]) error {
	separator := "["
	for job, err := range all {
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
					if job.State == enqueue.StatePending || job.State == enqueue.StateRetrying {
						a.noteStandstill(command.Context(), s)
					}
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
	_, _ = fmt.Fprintf(a.out, "Job:       %s\nKind:      %s\nWish:      %s\nAbout:     %s\nState:     %s\nAttempts:  %d\nEnqueued:  %s\n",
		job.ID, job.Kind, job.Wish, cmp.Or(about(job), "unknown"), job.State, job.Attempts, enqueuedAt(job))
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

func enqueuedAt(job enqueue.Status) string {
	if job.EnqueuedAt.IsZero() {
		return "unknown"
	}
	return clock(job.EnqueuedAt)
}

// about says whom a job is about, as 'producer status' names them.
func about(job enqueue.Status) string {
	switch {
	case job.Organization == "":
		return ""
	case job.User == "":
		return "organization " + job.Organization.String()
	}
	return "organization " + job.Organization.String() + ", member " + job.User.String()
}
