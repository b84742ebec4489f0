package enqueue

import (
	"context"
	"errors"
	"iter"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
)

// Errors of [Inspector.Retry] and [Inspector.Delete].
var (
	ErrNotFound = errors.New("no such job")
	ErrNotDead  = errors.New("the job is not dead")
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
	if r.State == record.Refused || r.State == record.Dead {
		return recorded(r), true, nil
	}
	info, err := i.find(ctx, id)
	switch {
	case err != nil:
		return Status{}, false, err
	case info != nil:
		return statusOf(info), true, nil
	}
	return recorded(r), known, nil
}

// Dead iterates over the dead jobs of all queues, those of a queue from the
// longest dead to the latest. It reads in pages, so a job may be missed while
// others are being deleted. It ends with the first error.
func (i *Inspector) Dead(ctx context.Context) iter.Seq2[Status, error] {
	return func(yield func(Status, error) bool) {
		for _, q := range jobs.Queues() {
			for page := 1; ; page++ {
				infos, err := i.deadOf(ctx, q, page)
				if err != nil {
					yield(Status{}, err)
					return
				}
				for _, info := range infos {
					if !yield(statusOf(info), nil) {
						return
					}
				}
				if len(infos) == 0 {
					break
				}
			}
		}
	}
}

// Retry runs a dead job again, with all its attempts, and returns its new id.
//
// asynq's own way would give it a single attempt; and the ledger remembers an
// id as applied, so the old one could do nothing. The new id is derived from
// the old, and the old job goes last: a retry that was cut short can be
// repeated, and still runs the job once.
func (i *Inspector) Retry(ctx context.Context, id string) (string, error) {
	info, err := i.dead(ctx, id)
	if err != nil {
		return "", err
	}
	args, err := jobs.Decode(jobs.Kind(info.Type), info.Payload)
	if err != nil {
		return "", err
	}
	place, err := i.place(ctx, id)
	if err != nil {
		return "", err
	}
	again, err := i.client.Enqueue(ctx, args, WithID(uuid.NewSHA1(uuid.NameSpaceOID, []byte(id)).String()), at(place))
	if err != nil {
		return "", err
	}
	return again.ID, i.drop(ctx, info)
}

// place is where a dead job stood among those of its sponsorship, or 0. The fault
// is superseded when a later one has taken effect: it must not be undone.
func (i *Inspector) place(ctx context.Context, id string) (int64, error) {
	r, _, err := i.client.records.Find(ctx, id)
	if err != nil || r.Sequence == 0 {
		return 0, unavailable(err, "look up job")
	}
	applied, err := i.client.records.Applied(ctx, r.Organization, r.User)
	if err == nil && applied > r.Sequence {
		return 0, fault.New(fault.Superseded, "%s: a later job for this member has taken effect", r.Kind)
	}
	return r.Sequence, unavailable(err, "look up job")
}

// Delete drops a dead job for good.
func (i *Inspector) Delete(ctx context.Context, id string) error {
	info, err := i.dead(ctx, id)
	if err != nil {
		return err
	}
	return i.drop(ctx, info)
}

func (i *Inspector) dead(ctx context.Context, id string) (*asynq.TaskInfo, error) {
	info, err := i.find(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case info == nil:
		return nil, ErrNotFound
	case info.State != asynq.TaskStateArchived:
		return nil, ErrNotDead
	}
	return info, nil
}

// find returns nil if no queue knows the id.
func (i *Inspector) find(ctx context.Context, id string) (*asynq.TaskInfo, error) {
	for _, q := range jobs.Queues() {
		info, err := jobs.Await(ctx, func() (*asynq.TaskInfo, error) { return i.client.inspector.GetTaskInfo(string(q), id) })
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
