package cli

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// jobFilter chooses jobs.
type jobFilter struct {
	org    sponsorship.ID // empty is all
	states []string
	limit  int // 0 is none
}

func (f jobFilter) faults(command *cobra.Command) []string {
	var faults []string
	if command.Flags().Changed("org") {
		faults = append(faults, orgFaults(f.org)...)
	}
	for _, s := range f.states {
		if !slices.Contains(enqueue.States(), s) {
			faults = append(faults, "--state must be one of "+strings.Join(enqueue.States(), ", "))
		}
	}
	if f.limit < 0 {
		faults = append(faults, "--limit must be 1 or more")
	}
	return faults
}

// jobs iterates over the jobs that the filter chooses.
func (f jobFilter) jobs(ctx context.Context, s *session) iter.Seq2[enqueue.Status, error] {
	all := f.pages(ctx, s)
	if slices.Equal(f.states, []string{enqueue.StateDead}) { // also the system's own
		all = s.inspector.Dead(ctx)
	}
	return func(yield func(enqueue.Status, error) bool) {
		count := 0
		for job, err := range all {
			if err == nil && f.org != "" && job.Organization != f.org {
				continue
			}
			if !yield(job, err) || err != nil {
				return
			}
			if count++; count == f.limit {
				return
			}
		}
	}
}

// pages reads one page after the other.
func (f jobFilter) pages(ctx context.Context, s *session) iter.Seq2[enqueue.Status, error] {
	return func(yield func(enqueue.Status, error) bool) {
		q := enqueue.Query{States: f.states, Organization: f.org, Limit: pollPage}
		for {
			found, next, err := s.inspector.List(ctx, q)
			if err != nil {
				yield(enqueue.Status{}, err)
				return
			}
			for _, job := range found {
				if !yield(job, nil) {
					return
				}
			}
			if q.Cursor = next; next == "" {
				return
			}
		}
	}
}
