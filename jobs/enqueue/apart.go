package enqueue

import (
	"context"
	"errors"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/record"
)

// Apart puts items of a batch into the queue as jobs of their own, under their ids and at
// the places that they have; but for those that have ended. The headers are what
// travels with the batch. It may be repeated.
func (s System) Apart(ctx context.Context, items []jobs.Item, headers map[string]string) error {
	alone := make([]job, len(items))
	for n, i := range items {
		alone[n] = jobOf(i, headers)
	}
	var all []error
	for _, done := range s.c.commit(ctx, alone) {
		all = append(all, done.err)
	}
	return errors.Join(all...)
}

// jobOf is an item as a job of its own. One whose arguments cannot be read has no
// place; whoever runs it will say what is wrong with it.
func jobOf(i jobs.Item, headers map[string]string) job {
	j := job{id: i.ID, kind: i.Kind, payload: i.Args}
	if args, err := jobs.Decode(i.Kind, i.Args); err == nil {
		j = newJob(i.ID, args, i.Args)
	}
	j.since, j.origin, j.trace = EnqueuedAt(headers), origin.Origin(headers[originHeader]), headers[tracing.Header]
	return j
}

// itemsOf returns the jobs of what the queue holds, if that is a batch, each as if the
// queue held it by itself.
func itemsOf(info *asynq.TaskInfo) (items []*asynq.TaskInfo, isBatch bool) {
	if jobs.Kind(info.Type) != jobs.KindBatch {
		return nil, false
	}
	b, err := jobs.DecodeBatch(info.Payload)
	if err != nil { // it stands for itself
		return nil, false
	}
	for _, i := range b.Items {
		if i.Kind == jobs.KindBatch { // not of our making
			continue
		}
		alone := *info
		alone.ID, alone.Type, alone.Payload = i.ID, string(i.Kind), i.Args
		items = append(items, &alone)
	}
	return items, true
}

// task returns a task of the intake queue, or nil.
func (i *Inspector) task(ctx context.Context, id string) (*asynq.TaskInfo, error) {
	info, err := jobs.Await(ctx, func() (*asynq.TaskInfo, error) { return i.client.inspector.GetTaskInfo(string(jobs.QueueIntake), id) })
	if absent(err) {
		return nil, nil
	}
	return info, unavailable(err, "look up job "+id)
}

// within returns a job as its batch holds it, or nil.
func (i *Inspector) within(ctx context.Context, r record.Record) (*asynq.TaskInfo, error) {
	info, err := i.task(ctx, r.Batch)
	if info == nil || err != nil {
		return nil, err
	}
	items, _ := itemsOf(info)
	for _, item := range items {
		if item.ID == r.ID {
			return item, nil
		}
	}
	return nil, nil
}

// buryBatch writes the jobs of an archived batch down as dead, each by itself, so that one
// can be run again or deleted and the others are as they were. Of a batch that is not
// archived it touches nothing.
func (i *Inspector) buryBatch(ctx context.Context, of record.Record) error {
	info, err := i.task(ctx, of.Batch)
	if info == nil || err != nil || info.State != asynq.TaskStateArchived {
		return err
	}
	items, _ := itemsOf(info)
	if err := i.buryAll(ctx, items); err != nil {
		return err
	}
	return i.drop(ctx, info)
}

func (i *Inspector) buryAll(ctx context.Context, items []*asynq.TaskInfo) error {
	for _, item := range items {
		if alone, err := i.task(ctx, item.ID); err != nil || alone != nil { // it has left the batch
			if err != nil {
				return err
			}
			continue
		}
		s := statusOf(item)
		err := i.client.records.Bury(ctx, record.Record{
			ID: s.ID, Kind: s.Kind, Organization: s.Organization, User: s.User, Attempts: s.Attempts,
			Reason: s.LastError, Args: item.Payload, EnqueuedAt: s.EnqueuedAt,
		})
		if err != nil {
			return unavailable(err, "write down the jobs of a batch")
		}
	}
	return nil
}

// eraseInBatch drops a subject's jobs from a batch. The others are taken out of it before: a
// batch cannot be changed.
func (i *Inspector) eraseInBatch(ctx context.Context, info *asynq.TaskInfo, of Subject, found *erasing) error {
	items, _ := itemsOf(info)
	var others []*asynq.TaskInfo
	var theirs []string
	for _, item := range items {
		if of.holds(jobs.Kind(item.Type), item.Payload) {
			theirs = append(theirs, item.ID)
		} else {
			others = append(others, item)
		}
	}
	if info.State == asynq.TaskStateActive {
		found.running = append(found.running, theirs...)
		return nil
	}
	if err := i.keep(ctx, info, others); err != nil {
		return err
	}
	if err := i.drop(ctx, info); err != nil {
		return err
	}
	found.tasks++
	for _, id := range theirs {
		if alone, err := i.task(ctx, id); err != nil || alone != nil { // it has left the batch, and is seen to by itself
			if err != nil {
				return err
			}
			continue
		}
		found.gone[id] = true
		r, known, err := i.client.records.Find(ctx, id)
		if known {
			err = i.client.records.Delete(ctx, r)
		}
		if err != nil {
			return unavailable(err, "delete job")
		}
	}
	return nil
}

// keep sees to it that jobs of a batch outlive it: how one ended stands in its record.
func (i *Inspector) keep(ctx context.Context, batch *asynq.TaskInfo, items []*asynq.TaskInfo) error {
	switch batch.State {
	case asynq.TaskStateCompleted:
		return nil
	case asynq.TaskStateArchived:
		return i.buryAll(ctx, items)
	}
	alone := make([]jobs.Item, len(items))
	for n, item := range items {
		alone[n] = jobs.Item{ID: item.ID, Kind: jobs.Kind(item.Type), Args: item.Payload}
	}
	return NewSystem(i.client).Apart(ctx, alone, batch.Headers)
}
