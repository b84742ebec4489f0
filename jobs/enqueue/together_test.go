package enqueue_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// pending are the ids of the tasks that wait in the intake queue, the next one first.
func (b bundle) pending(t *testing.T) []string {
	t.Helper()
	ids := jobstest.Value(b.rdb.LRange(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "pending"), 0, -1).Result())(t)
	slices.Reverse(ids)
	return ids
}

func (b bundle) next(t *testing.T) string { t.Helper(); return b.pending(t)[0] }

// batches are the ids of the jobs in each task that waits; a job that is alone is one of its own.
func (b bundle) batches(t *testing.T) (all [][]string) {
	t.Helper()
	for _, id := range b.pending(t) {
		all = append(all, b.held(t, id))
	}
	return all
}

func (b bundle) held(t *testing.T, id string) (ids []string) {
	t.Helper()
	info := jobstest.Value(b.asynq.GetTaskInfo(string(jobs.QueueIntake), id))(t)
	if info.Type != string(jobs.KindBatch) {
		return []string{id}
	}
	for _, i := range jobstest.Value(jobs.DecodeBatch(info.Payload))(t).Items {
		ids = append(ids, i.ID)
	}
	return ids
}

func memberNo(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("0b0b0b0b-ab5d-4bb3-9b7a-%012d", n))
}

// members are redeems of as many.
func members(n int) []jobs.Args {
	all := make([]jobs.Args, n)
	for i := range all {
		all[i] = jobs.Redeem{OrganizationID: org, OrganizationUserID: memberNo(i), SponsoredEmail: fmt.Sprintf("member%d@example.com", i)}
	}
	return all
}

// together enqueues redeems of n members, and returns the id of the batch and of the jobs.
func (b bundle) together(t *testing.T, n int) (batch string, ids []string) {
	t.Helper()
	for _, receipt := range jobstest.Value(b.client.EnqueueAll(t.Context(), members(n)))(t) {
		ids = append(ids, receipt.ID)
	}
	return b.next(t), ids
}

func (b bundle) status(t *testing.T, id string) enqueue.Status {
	t.Helper()
	s, known, err := b.inspector.Job(t.Context(), id)
	if err != nil || !known {
		t.Fatalf("job %s: %v, %v", id, known, err)
	}
	return s
}

func TestAJobInABatchIsLikeAnyOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, ids := b.together(t, 3)
	want := enqueue.Status{
		ID: ids[1], Kind: jobs.KindRedeem, Wish: "redeem", State: enqueue.StatePending, EnqueuedAt: noon, Organization: org, User: memberNo(1),
	}
	if s := b.status(t, ids[1]); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	open := jobstest.Value(enqueue.NewSystem(b.client).Open(t.Context(), org, ids))(t)
	jobstest.Equal(t, "open", open[ids[2]], true)
}

// An older worker leaves a batch alone, but would let a later job pass it.
func TestNothingIsPutTogetherWhileAnOlderWorkerLives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entry := jobstest.Value(state.EncodeWorker(state.Worker{ID: "old", Safety: state.BatchSafety - 1}))(t)
	now := jobstest.Value(b.rdb.Time(t.Context()).Result())(t)
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.WorkersKey, "old", fmt.Sprintf("%d %s", now.UnixMilli(), entry)).Err())
	jobstest.Value(b.client.EnqueueAll(t.Context(), members(3)))(t)
	if got := b.batches(t); len(got) != 3 {
		t.Errorf("the queue holds %v, want each alone", got)
	}
}

// A batch that could not be put in whole is not put in: its id must be free for the repeat.
func TestARepeatHasWhatTheFirstCouldNot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const broken sponsorship.ID = "7f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	jobstest.Must(t, b.store.Set(state.Key(broken, ""), "no hash"))
	all := members(3)
	all[1] = jobs.Redeem{OrganizationID: broken, OrganizationUserID: member, SponsoredEmail: "ann@example.com"}
	once := enqueue.WithIdempotency(enqueue.Idempotency{Key: "file"})
	if _, err := b.client.EnqueueAll(t.Context(), all, once); fault.CodeOf(err) != fault.QueueUnavailable {
		t.Fatalf("error %v, want queue_unavailable", err)
	}
	b.store.Del(state.Key(broken, ""))
	receipts := jobstest.Value(b.client.EnqueueAll(t.Context(), all, once))(t)
	if got := b.batches(t); len(got) != 1 || len(got[0]) != 3 || got[0][1] != receipts[1].ID {
		t.Errorf("the queue holds %v, want all of %v", got, receipts)
	}
}

// Of a batch that somebody has deleted only that is put in anew which has not ended.
func TestARepeatLeavesOutWhatHasEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	once := enqueue.WithIdempotency(enqueue.Idempotency{Key: "file"})
	receipts := jobstest.Value(b.client.EnqueueAll(t.Context(), members(3), once))(t)
	jobstest.Must(t, b.asynq.DeleteTask(string(jobs.QueueIntake), b.next(t)))
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.RecordKey(org, receipts[0].ID), "state", string(record.Done)).Err())
	jobstest.Value(b.client.EnqueueAll(t.Context(), members(3), once))(t)
	if got := b.batches(t); len(got) != 1 || !slices.Equal(got[0], []string{receipts[1].ID, receipts[2].ID}) {
		t.Errorf("the queue holds %v, want the two that are open", got)
	}
}

// Somebody archives the batch with asynq's own tools: each of its jobs says so, and each
// is run again or deleted by itself.
func TestEachJobOfAnArchivedBatchIsDead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch, ids := b.together(t, 4)
	b.archive(t, jobs.QueueIntake, batch)
	for _, id := range ids {
		if s := b.status(t, id); s.State != enqueue.StateDead || s.LastError == nil || !strings.Contains(s.LastError.Message, "archived it") {
			t.Errorf("%+v", s)
		}
	}
	if dead := b.dead(t); !slices.Equal(dead, ids) {
		t.Errorf("dead are %v, want %v", dead, ids)
	}
	again := jobstest.Value(b.inspector.Retry(t.Context(), ids[1]))(t)
	jobstest.Must(t, b.inspector.Delete(t.Context(), ids[2]))
	if got := b.batches(t); len(got) != 1 || got[0][0] != again {
		t.Errorf("the queue holds %v, want %s", got, again)
	}
	if dead := b.dead(t); !slices.Equal(dead, []string{ids[0], ids[3]}) {
		t.Errorf("dead are %v, want the others of %v", dead, ids)
	}
	if s := b.status(t, ids[3]); s.State != enqueue.StateDead || !strings.Contains(s.LastError.Message, "archived it") {
		t.Errorf("%+v", s)
	}
}

func (b bundle) dead(t *testing.T) (ids []string) {
	t.Helper()
	for s, err := range b.inspector.Dead(t.Context()) {
		jobstest.Must(t, err)
		ids = append(ids, s.ID)
	}
	return ids
}

func TestEachJobOfADeletedBatchSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch, ids := b.together(t, 2)
	jobstest.Must(t, b.asynq.DeleteTask(string(jobs.QueueIntake), batch))
	for _, id := range ids {
		jobstest.Must(t, b.rdb.HSet(t.Context(), state.RecordKey(org, id), "enqueuedAt", noon.Add(-time.Hour).UnixMilli()).Err())
		if s := b.status(t, id); s.State != enqueue.StateDead || !strings.Contains(s.LastError.Message, "gone from the queue") || s.Kind != jobs.KindRedeem {
			t.Errorf("%+v", s)
		}
	}
}

// What waits in a batch holds up a later job of the same member, until the batch cannot
// run any more.
func TestABatchHoldsUpWhatCameLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch, ids := b.together(t, 2)
	first := record.Blocker{ID: ids[0], Organization: org, User: memberNo(0)}
	system := enqueue.NewSystem(b.client)
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.RecordKey(org, ids[0]), "enqueuedAt", 1).Err())
	if ahead := jobstest.Value(system.Ahead(t.Context(), first))(t); ahead.Gone {
		t.Error("a later job passes one that waits in a batch")
	}
	b.putOff(t, jobs.QueueIntake, batch)
	if ahead := jobstest.Value(system.Ahead(t.Context(), first))(t); ahead.Gone || ahead.Next.IsZero() {
		t.Errorf("%+v, want one that waits for its time", ahead)
	}
	b.archive(t, jobs.QueueIntake, batch)
	if ahead := jobstest.Value(system.Ahead(t.Context(), first))(t); !ahead.Gone {
		t.Error("a later job waits for one that is dead")
	}
}

// A job that has left its batch is what the queue says of it, whatever became of the batch.
func TestAJobThatHasLeftItsBatchStandsForItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch, ids := b.together(t, 2)
	info := jobstest.Value(b.asynq.GetTaskInfo(string(jobs.QueueIntake), batch))(t)
	items := jobstest.Value(jobs.DecodeBatch(info.Payload))(t).Items
	system := enqueue.NewSystem(b.client)
	for range 2 { // it may be repeated
		jobstest.Must(t, system.Apart(t.Context(), items[:1], info.Headers))
	}
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.RecordKey(org, ids[1]), "state", string(record.Done)).Err())
	b.complete(t, batch)
	if s := b.status(t, ids[0]); s.State != enqueue.StatePending || !s.EnqueuedAt.Equal(noon) {
		t.Errorf("%+v, want it to wait", s)
	}
	if s := b.status(t, ids[1]); s.State != enqueue.StateDone {
		t.Errorf("%+v, want it done", s)
	}
	first := record.Blocker{ID: ids[0], Organization: org, User: memberNo(0)}
	if ahead := jobstest.Value(system.Ahead(t.Context(), first))(t); ahead.Gone {
		t.Error("a later job passes it")
	}
	listed, _, err := b.inspector.List(t.Context(), enqueue.Query{Limit: 10})
	jobstest.Must(t, err)
	if len(listed) != 2 || listed[0].State != enqueue.StatePending || listed[1].State != enqueue.StateDone {
		t.Errorf("%+v, want each once", listed)
	}
}

// A batch ends just while somebody looks: what it left is no less in the way.
func TestAJobThatLeavesItsBatchMeanwhileIsSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch, ids := b.together(t, 2)
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.RecordKey(org, ids[0]), "enqueuedAt", 1).Err())
	rdb := redis.NewClient(&redis.Options{Addr: b.store.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	rdb.AddHook(&afterPipeline{then: func() {
		info := jobstest.Value(b.asynq.GetTaskInfo(string(jobs.QueueIntake), batch))(t)
		items := jobstest.Value(jobs.DecodeBatch(info.Payload))(t).Items
		jobstest.Must(t, enqueue.NewSystem(b.client).Apart(t.Context(), items, info.Headers))
		b.complete(t, batch)
	}})
	system := enqueue.NewSystem(enqueue.New(rdb, enqueue.Options{}))
	first := record.Blocker{ID: ids[0], Organization: org, User: memberNo(0)}
	if ahead := jobstest.Value(system.Ahead(t.Context(), first))(t); ahead.Gone {
		t.Error("a later job passes it")
	}
}

// afterPipeline does something after the first pipeline.
type afterPipeline struct{ then func() }

func (*afterPipeline) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*afterPipeline) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (a *afterPipeline) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if then := a.then; then != nil && len(cmds) > 2 { // a connection greets with fewer
			a.then = nil
			then()
		}
		return err
	}
}

// complete ends a task as asynq does.
func (b bundle) complete(t *testing.T, id string) {
	t.Helper()
	pipe := b.rdb.TxPipeline()
	pipe.LRem(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "pending"), 1, id)
	pipe.HSet(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "t:"+id), "state", "completed")
	pipe.ZAdd(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "completed"), redis.Z{Score: float64(time.Now().Add(time.Hour).Unix()), Member: id})
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAListGoesThroughBatches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := map[string]bool{}
	for _, receipt := range jobstest.Value(b.client.EnqueueAll(t.Context(), members(450)))(t) {
		want[receipt.ID] = true
	}
	want[jobstest.Value(b.client.Enqueue(t.Context(), redeem("ann@example.com")))(t).ID] = true
	for cursor := ""; ; {
		page, next, err := b.inspector.List(t.Context(), enqueue.Query{Limit: 7, Cursor: cursor})
		jobstest.Must(t, err)
		for _, s := range page {
			if !want[s.ID] || s.State != enqueue.StatePending {
				t.Fatalf("unexpected %+v", s)
			}
			delete(want, s.ID)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if len(want) > 0 {
		t.Errorf("%d jobs are not listed", len(want))
	}
}
