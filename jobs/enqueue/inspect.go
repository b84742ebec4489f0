package enqueue

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Errors of [Inspector.Retry] and [Inspector.Delete].
var (
	ErrNotFound  = errors.New("no such job")
	ErrNotDead   = errors.New("the job is not dead")
	ErrForgotten = errors.New("what the dead job asked for was forgotten after 30 days: ask for it anew")
)

// deadPage is how many dead jobs are read at once.
const deadPage = 100

// Inspector looks at jobs, and deals with dead ones.
type Inspector struct{ client *Client }

// NewInspector returns an inspector of the client's queues.
func NewInspector(c *Client) *Inspector { return &Inspector{c} }

// Job returns the status of a job, or false if there is none of that id: it was
// never there, it was deleted, or its retention has passed.
func (i *Inspector) Job(ctx context.Context, id string) (Status, bool, error) {
	if folded, err := uuid.Parse(id); err == nil {
		id = folded.String() // ids of our own making are known in either case
	}
	r, known, err := i.client.records.Find(ctx, id)
	if err != nil {
		return Status{}, false, unavailable(err, "look up job")
	}
	var within *asynq.TaskInfo
	if r.Batch != "" && r.State == record.Waiting {
		if within, err = i.within(ctx, r); err != nil {
			return Status{}, false, err
		}
		// Again: it may have ended or left the batch before that was looked at.
		if r, known, err = i.client.records.Find(ctx, id); err != nil {
			return Status{}, false, unavailable(err, "look up job")
		}
	}
	if r.State == record.Dead {
		s, err := i.ended(ctx, r)
		return s, true, err
	}
	info, err := i.find(ctx, id)
	if info == nil && r.State == record.Waiting {
		info = within
	}
	switch {
	case err != nil:
		return Status{}, false, err
	case r.State == record.Refused && info != nil: // the queue has the arguments for a day
		return recorded(r).asked(info.Payload), true, nil
	case info != nil && r.State != record.Refused:
		return statusOf(info), true, nil
	case known && r.State == record.Waiting && i.client.now().Sub(r.EnqueuedAt) > vanishedAfter:
		return vanished(r), true, nil
	}
	return recorded(r), known, nil
}

// vanishedAfter is how long a job may be on its way into the queue.
const vanishedAfter = time.Minute

// ended is the status of a job that was refused or died. A sync that died is done
// all the same once a later one of its organization has succeeded: what it was to
// do is done.
func (i *Inspector) ended(ctx context.Context, r record.Record) (Status, error) {
	s := recorded(r)
	field := map[jobs.Kind]string{jobs.KindSync: "lastSyncAt", jobs.KindSyncLicense: "lastLicenseSyncAt"}[r.Kind]
	if s.State != StateDead || field == "" {
		return s, nil
	}
	ms, err := i.client.rdb.HGet(ctx, state.Key(r.Organization, ""), field).Int64()
	if ignoreNil(err) != nil {
		return s, unavailable(err, "look up job")
	}
	if later := time.UnixMilli(ms).UTC(); later.After(r.EndedAt) {
		s.State, s.LastError, s.CompletedAt = StateDone, nil, &later
	}
	return s, nil
}

// Dead iterates over the dead jobs. It reads in pages, so a job may be missed while
// others are being deleted. It ends with the first error.
func (i *Inspector) Dead(ctx context.Context) iter.Seq2[Status, error] {
	return func(yield func(Status, error) bool) {
		for r, err := range i.client.records.Dead(ctx) {
			var s Status
			if err == nil {
				s, err = i.ended(ctx, r)
			}
			if err == nil && s.State != StateDead {
				continue
			}
			if !yield(s, unavailable(err, "list dead jobs")) || err != nil {
				return
			}
		}
		i.unrecorded(ctx, yield)
	}
}

// countedOneByOne is how many dead jobs [Inspector.Ended] looks at.
const countedOneByOne = 1000

// Ended returns how many jobs are dead and how many were refused, as far as they are
// kept, and how many of both together may be. Above a thousand, dead syncs that a
// later one has made good count as well.
func (i *Inspector) Ended(ctx context.Context) (dead, refused, most int64, err error) {
	dead, refused, err = i.client.records.Count(ctx)
	if err != nil || dead > countedOneByOne {
		return dead, refused, i.client.ended.most, unavailable(err, "count dead jobs")
	}
	dead = 0
	for _, err := range i.Dead(ctx) {
		if err != nil {
			return 0, 0, 0, err
		}
		dead++
	}
	return dead, refused, i.client.ended.most, nil
}

// unrecorded lists the dead jobs that only the queue knows: those of an older
// version, and the system's own.
func (i *Inspector) unrecorded(ctx context.Context, yield func(Status, error) bool) {
	for _, q := range jobs.Queues() {
		for page := 1; ; page++ {
			infos, err := i.deadOf(ctx, q, page)
			if err != nil {
				yield(Status{}, err)
				return
			}
			for _, info := range infos {
				if !i.unrecordedOf(ctx, info, yield) {
					return
				}
			}
			if len(infos) == 0 {
				break
			}
		}
	}
}

// unrecordedOf lists a task of the queue, or of a batch the jobs that have not ended
// otherwise. It returns whether to go on.
func (i *Inspector) unrecordedOf(ctx context.Context, info *asynq.TaskInfo, yield func(Status, error) bool) bool {
	items, isBatch := itemsOf(info)
	if !isBatch {
		items = []*asynq.TaskInfo{info}
	}
	for _, item := range items {
		r, _, err := i.client.records.Find(ctx, item.ID)
		if err == nil && (r.State == record.Dead || isBatch && r.State != record.Waiting) {
			continue
		}
		if !yield(statusOf(item), unavailable(err, "list dead jobs")) || err != nil {
			return false
		}
	}
	return true
}

// Retry runs a dead job again, with all its attempts, and returns its new id.
//
// asynq's own way would give it a single attempt; and the ledger remembers an
// id as applied, so the old one could do nothing. The new id is derived from
// the old, and the old job goes last: a retry that was cut short can be
// repeated, and still runs the job once. The fault is superseded when a later job
// for the same sponsorship has taken effect.
func (i *Inspector) Retry(ctx context.Context, id string) (string, error) {
	r, err := i.dead(ctx, id)
	switch {
	case err != nil:
		return "", err
	case r.Args == nil:
		return "", ErrForgotten
	}
	args, err := jobs.Decode(r.Kind, r.Args)
	if err != nil {
		return "", err
	}
	if err := i.supersedes(ctx, r); err != nil {
		return "", err
	}
	again, err := i.client.Enqueue(ctx, args, WithID(uuid.NewSHA1(uuid.NameSpaceOID, []byte(id)).String()), inPlaceOf(r))
	if err != nil {
		return "", err
	}
	if err := i.dropDead(ctx, r); err != nil || r.User == "" {
		return again.ID, err
	}
	return again.ID, unavailable(i.client.records.Replaced(ctx, r, again.ID, keyLife), "retry job")
}

// supersedes refuses to undo what a later job has done.
func (i *Inspector) supersedes(ctx context.Context, r record.Record) error {
	if r.Sequence == 0 {
		return nil
	}
	applied, err := i.client.records.Applied(ctx, r.Organization, r.User)
	if err == nil && applied > r.Sequence {
		return fault.New(fault.Superseded, "%s: a later job for this member has taken effect", r.Kind)
	}
	return unavailable(err, "look up job")
}

// Delete drops a dead job for good.
func (i *Inspector) Delete(ctx context.Context, id string) error {
	r, err := i.dead(ctx, id)
	if err != nil {
		return err
	}
	return i.dropDead(ctx, r)
}

// dead returns the record of a dead job, or what the queue knows in its place.
func (i *Inspector) dead(ctx context.Context, id string) (record.Record, error) {
	r, known, err := i.client.records.Find(ctx, id)
	if err == nil && r.Batch != "" && r.State == record.Waiting {
		if err := i.buryBatch(ctx, r); err != nil {
			return r, err
		}
		r, known, err = i.client.records.Find(ctx, id)
	}
	if err != nil {
		return r, unavailable(err, "look up job")
	}
	if r.State == record.Dead {
		s, err := i.ended(ctx, r)
		if err == nil && s.State != StateDead {
			err = ErrNotDead
		}
		return r, err
	}
	info, err := i.find(ctx, id)
	switch {
	case err != nil:
		return r, err
	case info == nil && !known:
		return r, ErrNotFound
	case info == nil || info.State != asynq.TaskStateArchived:
		return r, ErrNotDead
	}
	r.ID, r.Kind, r.Args = id, jobs.Kind(info.Type), info.Payload
	return r, nil
}

// dropDead drops the queue's copy first: a job that is cut off between the two is
// still dead.
func (i *Inspector) dropDead(ctx context.Context, r record.Record) error {
	info, err := i.find(ctx, r.ID)
	if err != nil {
		return err
	}
	if info != nil {
		return i.drop(ctx, info)
	}
	return unavailable(i.client.records.Delete(ctx, r), "delete job")
}

// find returns nil if no queue knows the id.
func (i *Inspector) find(ctx context.Context, id string) (*asynq.TaskInfo, error) {
	for _, q := range jobs.Queues() {
		look := func() (*asynq.TaskInfo, error) { return i.client.inspector.GetTaskInfo(string(q), id) }
		info, err := jobs.Await(ctx, look)
		if errors.Is(err, asynq.ErrQueueNotFound) { // perhaps Redis was emptied, and nobody but asynq's client forgot it
			if err := i.client.rdb.SAdd(ctx, QueuesKey, string(q)).Err(); err != nil {
				return nil, unavailable(err, "look up job")
			}
			info, err = jobs.Await(ctx, look)
		}
		if err == nil {
			return info, nil
		}
		if !absent(err) {
			return nil, unavailable(err, "look up job")
		}
	}
	return nil, nil
}

func (i *Inspector) deadOf(ctx context.Context, q jobs.Queue, page int) ([]*asynq.TaskInfo, error) {
	infos, err := jobs.Await(ctx, func() ([]*asynq.TaskInfo, error) {
		return i.client.inspector.ListArchivedTasks(string(q), asynq.Page(page), asynq.PageSize(deadPage))
	})
	if absent(err) {
		return nil, nil
	}
	return infos, unavailable(err, "list dead jobs")
}

func (i *Inspector) drop(ctx context.Context, info *asynq.TaskInfo) error {
	_, err := jobs.Await(ctx, func() (struct{}, error) { return struct{}{}, i.client.inspector.DeleteTask(info.Queue, info.ID) })
	if err != nil && !absent(err) {
		return unavailable(err, "delete job")
	}
	r, known, err := i.client.records.Find(ctx, info.ID)
	if known {
		err = i.client.records.Delete(ctx, r)
	}
	return unavailable(err, "delete job")
}

func absent(err error) bool {
	return errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound)
}
