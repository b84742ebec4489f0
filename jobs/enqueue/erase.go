package enqueue

import (
	"context"
	"encoding/json"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Subject is whose jobs are meant: those of one sponsorship, by its key in the
// ledger, or without a key all of the organization.
type Subject struct{ Organization, Key sponsorship.ID }

// Erased is what came of [Inspector.Erase].
type Erased struct {
	Dropped int
	Running []string // ids of jobs that run just now: they are still there
}

// erasePasses bounds how often Erase begins again because jobs moved between two
// looks.
const erasePasses = 5

// Erase drops the jobs of a subject with all that they say: those that wait, those
// that died and those that are done. What somebody puts in meanwhile may be missed.
func (i *Inspector) Erase(ctx context.Context, of Subject) (Erased, error) {
	var all Erased
	for range erasePasses {
		var found Erased
		for _, q := range jobs.Queues() {
			if err := i.eraseIn(ctx, string(q), of, &found); err != nil {
				return all, err
			}
		}
		all.Dropped, all.Running = all.Dropped+found.Dropped, found.Running
		if found.Dropped == 0 {
			break
		}
	}
	n, err := i.eraseRecords(ctx, of)
	all.Dropped += n
	return all, err
}

// eraseRecords drops the dead jobs that the queue has forgotten.
func (i *Inspector) eraseRecords(ctx context.Context, of Subject) (dropped int, err error) {
	var theirs []record.Record
	for r, err := range i.client.records.Dead(ctx) {
		if err != nil {
			return 0, unavailable(err, "list dead jobs")
		}
		if r.Organization == of.Organization && (of.Key == "" || of.Key == r.User) || of.holds(r.Kind, r.Args) {
			theirs = append(theirs, r)
		}
	}
	for _, r := range theirs {
		if err := i.client.records.Delete(ctx, r); err != nil {
			return dropped, unavailable(err, "delete job")
		}
		dropped++
	}
	return dropped, nil
}

func (i *Inspector) eraseIn(ctx context.Context, queue string, of Subject, found *Erased) error {
	inspect := i.client.inspector
	for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		inspect.ListPendingTasks, inspect.ListScheduledTasks, inspect.ListRetryTasks,
		inspect.ListActiveTasks, inspect.ListCompletedTasks, inspect.ListArchivedTasks,
	} {
		infos, err := i.listed(ctx, queue, of, list)
		if err != nil {
			return err
		}
		for _, info := range infos {
			if info.State == asynq.TaskStateActive {
				found.Running = append(found.Running, info.ID)
				continue
			}
			if err := i.drop(ctx, info); err != nil {
				return err
			}
			found.Dropped++
		}
	}
	return nil
}

// listed reads one list to its end before anything is dropped from it.
func (i *Inspector) listed(ctx context.Context, queue string, of Subject,
	list func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error)) (found []*asynq.TaskInfo, err error) {
	for page := 1; ; page++ {
		infos, err := jobs.Await(ctx, func() ([]*asynq.TaskInfo, error) {
			return list(queue, asynq.Page(page), asynq.PageSize(deadPage))
		})
		if absent(err) {
			return found, nil
		}
		if err != nil {
			return nil, unavailable(err, "list jobs")
		}
		for _, info := range infos {
			if of.holds(jobs.Kind(info.Type), info.Payload) {
				found = append(found, info)
			}
		}
		if len(infos) < deadPage {
			return found, nil
		}
	}
}

// holds reads no more of the arguments than it must, whatever kind they are of: a
// job that no version here can run may hold an address all the same.
func (s Subject) holds(kind jobs.Kind, payload []byte) bool {
	var args jobs.Redeem
	if json.Unmarshal(payload, &args) != nil || args.OrganizationID != s.Organization {
		return false
	}
	madeHere := args.AdminInitiated && kind != jobs.KindAdopt // its key follows from the address
	return s.Key == "" || s.Key == args.SponsorshipID() || s.Key == args.OrganizationUserID && !madeHere
}
