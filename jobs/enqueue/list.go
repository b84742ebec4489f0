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
		for n := at.offset % listChunk; n < len(chunk) && len(found) < q.Limit; n = at.offset % listChunk {
			for at.item < len(chunk[n]) && len(found) < q.Limit {
				if s := chunk[n][at.item]; q.wants(s) {
					found = append(found, s)
				}
				at.item++
				read++
			}
			if at.item < len(chunk[n]) {
				break
			}
			at.offset, at.item = at.offset+1, 0
			if at.offset%listChunk == 0 {
				break
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

// position is where a list goes on: a source and what of it was looked at, and how many
// jobs of the batch that comes next.
type position struct{ source, offset, item int }

func (p position) String() string {
	if p.item > 0 {
		return fmt.Sprintf("%d:%d:%d", p.source, p.offset, p.item)
	}
	return fmt.Sprintf("%d:%d", p.source, p.offset)
}

func parsePosition(cursor string) (p position, err error) {
	if cursor == "" {
		return p, nil
	}
	numbers := strings.Split(cursor, ":")
	parts := []*int{&p.source, &p.offset, &p.item}
	wrong := len(numbers) < 2 || len(numbers) > len(parts)
	for n := 0; n < len(numbers) && !wrong; n++ {
		*parts[n], err = strconv.Atoi(numbers[n])
		wrong = err != nil || *parts[n] < 0
	}
	if wrong {
		return p, &state.CursorError{Cursor: cursor}
	}
	return p, nil
}

// source reads one chunk of a set of jobs: of each that stands there the job, or those of
// a batch.
type source func(ctx context.Context, chunk int) ([][]Status, error)

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

func nothing(context.Context, int) ([][]Status, error) { return nil, nil }

// queued reads a set of a queue. What has a record of its end is listed by that.
func (i *Inspector) queued(q jobs.Queue, list func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error)) source {
	return func(ctx context.Context, chunk int) ([][]Status, error) {
		infos, err := jobs.Await(ctx, func() ([]*asynq.TaskInfo, error) {
			return list(string(q), asynq.Page(chunk+1), asynq.PageSize(listChunk))
		})
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, unavailable(err, "list jobs")
		}
		return i.statusesOf(ctx, infos)
	}
}

func (i *Inspector) statusesOf(ctx context.Context, infos []*asynq.TaskInfo) ([][]Status, error) {
	all := make([][]Status, len(infos))
	var refs []record.Ref
	for n, info := range infos {
		items, isBatch := itemsOf(info)
		if !isBatch {
			items = []*asynq.TaskInfo{info}
		}
		for _, item := range items {
			s := statusOf(item)
			all[n], refs = append(all[n], s), append(refs, record.Ref{Organization: s.Organization, ID: s.ID})
		}
	}
	ends, err := i.client.records.States(ctx, refs)
	if err != nil {
		return nil, unavailable(err, "list jobs")
	}
	for n, info := range infos {
		for m := range all[n] {
			all[n][m] = besideRecord(all[n][m], jobs.Kind(info.Type) == jobs.KindBatch, ends[0])
			ends = ends[1:]
		}
	}
	return all, nil
}

// besideRecord is what is listed of a job that stands in the queue. One that was refused or
// is dead is listed by its record, and one that has left its batch by itself: they become a
// status of no kind, which nobody asks for.
func besideRecord(s Status, inBatch bool, end record.State) Status {
	switch {
	case end == record.Refused, end == record.Dead:
		return Status{}
	case inBatch && end == record.Done:
		s.State, s.LastError = StateDone, nil
	case inBatch && s.State == StateDone:
		return Status{}
	}
	return s
}

// recordedOf reads the records of one shard.
func (i *Inspector) recordedOf(shard int, ended record.State) source {
	return func(ctx context.Context, chunk int) ([][]Status, error) {
		records, err := i.client.records.Ended(ctx, shard, ended, chunk)
		if err != nil {
			return nil, unavailable(err, "list jobs")
		}
		all := make([][]Status, len(records))
		for n, r := range records {
			s, err := i.ended(ctx, r)
			if err != nil {
				return nil, err
			}
			all[n] = []Status{s}
		}
		return all, nil
	}
}
