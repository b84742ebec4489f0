package enqueue

import (
	"context"
	"encoding/json"
	"slices"

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
	gone := map[string]bool{}
	var running []string
	for range erasePasses {
		found := erasing{gone: gone}
		for _, q := range jobs.Queues() {
			if err := i.eraseIn(ctx, string(q), of, &found); err != nil {
				return Erased{Dropped: len(gone)}, err
			}
		}
		if running = found.running; found.tasks == 0 {
			break
		}
	}
	n, err := i.eraseRecords(ctx, of)
	return Erased{Dropped: len(gone) + n, Running: running}, err
}

// erasing is what one look has found so far.
type erasing struct {
	tasks   int             // that were dropped
	gone    map[string]bool // ids of the jobs that all looks have dropped: one that has left its batch is in both
	running []string
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

func (i *Inspector) eraseIn(ctx context.Context, queue string, of Subject, found *erasing) error {
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
			if _, isBatch := itemsOf(info); isBatch {
				if err := i.eraseInBatch(ctx, info, of, found); err != nil {
					return err
				}
				continue
			}
			if info.State == asynq.TaskStateActive {
				found.running = append(found.running, info.ID)
				continue
			}
			if err := i.drop(ctx, info); err != nil {
				return err
			}
			found.tasks++
			found.gone[info.ID] = true
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
			if of.holdsAny(info) {
				found = append(found, info)
			}
		}
		if len(infos) < deadPage {
			return found, nil
		}
	}
}

// holdsAny is holds of a task of the queue, which may be a batch.
func (s Subject) holdsAny(info *asynq.TaskInfo) bool {
	items, isBatch := itemsOf(info)
	if !isBatch {
		return s.holds(jobs.Kind(info.Type), info.Payload)
	}
	return slices.ContainsFunc(items, s.holdsAny)
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
