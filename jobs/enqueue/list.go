package enqueue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// States returns every state of a job.
func States() []string {
	return []string{StateActive, StatePending, StateRetrying, StateDone, StateRefused, StateDead}
}

// Query chooses jobs for [Inspector.List].
type Query struct {
	States       []string       // empty is all
	Organization sponsorship.ID // empty is all
	Limit        int
	Cursor       string // of the page before, or ""
}

const (
	listChunk = 100   // jobs read at once
	mostRead  = 5_000 // jobs that one call reads, whatever it finds
)

// List returns jobs that users enqueued, and the cursor of the next page, or "" at the
// end. A job that changes its state meanwhile may be seen twice or not at all. A page
// may hold fewer than the limit, or none, and not be the last: one call reads a bounded
// number of jobs. The error is a *[state.CursorError] when the cursor is not one of a list.
func (i *Inspector) List(ctx context.Context, q Query) ([]Status, string, error) {
	at, err := parsePosition(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	found := []Status{}
	sources := i.sources(q)
	for read := 0; at.source < len(sources); {
		if len(found) == q.Limit || read >= mostRead {
			return found, at.String(), nil
		}
		chunk, err := sources[at.source](ctx, at.offset/listChunk)
		if err != nil {
			return nil, "", err
		}
		read += listChunk
		skip := at.offset % listChunk
		for n := skip; n < len(chunk) && len(found) < q.Limit; n++ {
			at.offset++
			if q.wants(chunk[n]) {
				found = append(found, chunk[n])
			}
		}
		if len(chunk) < listChunk && at.offset%listChunk >= len(chunk) {
			at = position{source: at.source + 1}
		}
	}
	return found, "", nil
}

// wants reports whether a job is one of those that were asked for.
func (q Query) wants(s Status) bool {
	policy, _ := s.Kind.Policy()
	return policy.Public && (len(q.States) == 0 || slices.Contains(q.States, s.State)) &&
		(q.Organization == "" || q.Organization == s.Organization)
}

// position is where a list goes on: a source and the jobs of it that were looked at.
type position struct{ source, offset int }

func (p position) String() string { return fmt.Sprintf("%d:%d", p.source, p.offset) }

func parsePosition(cursor string) (p position, err error) {
	if cursor == "" {
		return p, nil
	}
	source, offset, _ := strings.Cut(cursor, ":")
	if p.source, err = strconv.Atoi(source); err == nil {
		p.offset, err = strconv.Atoi(offset)
	}
	if err != nil || p.source < 0 || p.offset < 0 {
		return p, &state.CursorError{Cursor: cursor}
	}
	return p, nil
}

// source reads one chunk of a set of jobs.
type source func(ctx context.Context, chunk int) ([]Status, error)

// sources are all sets that may hold what is asked for, in one order.
func (i *Inspector) sources(q Query) []source {
	all := []source{}
	for _, queue := range jobs.Queues() {
		inspect := i.client.inspector
		for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
			inspect.ListActiveTasks, inspect.ListPendingTasks, inspect.ListScheduledTasks, inspect.ListRetryTasks, inspect.ListCompletedTasks, inspect.ListArchivedTasks,
		} {
			all = append(all, i.queued(queue, list))
		}
	}
	for shard := range state.Shards {
		if q.Organization != "" && shard != state.Shard(q.Organization) {
			all = append(all, nothing) // so that cursors of different queries mean the same
			continue
		}
		for _, ended := range []record.State{record.Refused, record.Dead} {
			all = append(all, i.recordedOf(shard, ended))
		}
	}
	return all
}

func nothing(context.Context, int) ([]Status, error) { return nil, nil }

// queued reads a set of a queue. What has a record of its end is listed by that.
func (i *Inspector) queued(q jobs.Queue, list func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error)) source {
	return func(ctx context.Context, chunk int) ([]Status, error) {
		infos, err := jobs.Await(ctx, func() ([]*asynq.TaskInfo, error) {
			return list(string(q), asynq.Page(chunk+1), asynq.PageSize(listChunk))
		})
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, unavailable(err, "list jobs")
		}
		all := make([]Status, len(infos))
		refs := make([]record.Ref, len(infos))
		for n, info := range infos {
			all[n] = statusOf(info)
			refs[n] = record.Ref{Organization: all[n].Organization, ID: info.ID}
		}
		ends, err := i.client.records.States(ctx, refs)
		for n, end := range ends {
			if end == record.Refused || end == record.Dead {
				all[n] = Status{} // of no kind, which nobody asks for
			}
		}
		return all, unavailable(err, "list jobs")
	}
}

// recordedOf reads the records of one shard.
func (i *Inspector) recordedOf(shard int, ended record.State) source {
	return func(ctx context.Context, chunk int) ([]Status, error) {
		records, err := i.client.records.Ended(ctx, shard, ended, chunk)
		if err != nil {
			return nil, unavailable(err, "list jobs")
		}
		all := make([]Status, len(records))
		for n, r := range records {
			if all[n], err = i.ended(ctx, r); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
}
