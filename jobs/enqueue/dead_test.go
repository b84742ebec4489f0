package enqueue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
)

// die writes down that a job died, as a worker does.
func (b bundle) die(t *testing.T, id string, args jobs.Args) {
	t.Helper()
	r := record.Record{
		ID: id, Kind: args.Kind(), Organization: args.Organization(), Attempts: 1,
		Reason: fault.New(fault.BillingSyncTokenInvalid, "the cloud refused the token"),
		Args:   jobstest.Value(jobs.Encode(args))(t),
	}
	if ordered, is := args.(jobs.Ordered); is {
		r.User = ordered.SponsorshipID()
	}
	jobstest.Must(t, record.New(b.rdb).Bury(t.Context(), r))
}

func (b bundle) deadIDs(t *testing.T) map[string]int {
	t.Helper()
	ids := map[string]int{}
	for s, err := range b.inspector.Dead(t.Context()) {
		jobstest.Must(t, err)
		ids[s.ID]++
	}
	return ids
}

// Somebody ends a job that never ran with asynq's own tools.
func TestAJobThatWasArchivedByHandSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	receipt := jobstest.Value(b.client.Enqueue(t.Context(), redeem("mum@example.com")))(t)
	b.archive(t, jobs.QueueIntake, receipt.ID)
	s, _, err := b.inspector.Job(t.Context(), receipt.ID)
	if err != nil || s.State != enqueue.StateDead || s.Attempts != 0 || !strings.Contains(s.LastError.Message, "archived") {
		t.Errorf("%+v %+v, %v", s, s.LastError, err)
	}
	jobstest.Equal(t, "in the list of the dead", b.deadIDs(t)[receipt.ID], 1)
	jobstest.Value(b.inspector.Retry(t.Context(), receipt.ID))(t)
	s, _, err = b.inspector.Job(t.Context(), receipt.ID)
	if err != nil || s.State != enqueue.StatePending || s.LastError != nil {
		t.Errorf("run again: %+v, %v", s, err)
	}
}

// One that was deleted so does not look as if it were still to come. At first it may be
// on its way into the queue.
func TestAJobThatWasDeletedByHandIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	receipt := jobstest.Value(b.client.Enqueue(t.Context(), redeem("mum@example.com")))(t)
	jobstest.Must(t, b.asynq.DeleteTask(string(jobs.QueueIntake), receipt.ID))
	for after, want := range map[time.Duration]string{time.Second: enqueue.StatePending, 2 * time.Minute: enqueue.StateDead} {
		later := enqueue.New(b.rdb, enqueue.Options{Now: func() time.Time { return time.Now().Add(after) }})
		s, known, err := enqueue.NewInspector(later).Job(t.Context(), receipt.ID)
		if err != nil || !known || s.State != want || (want == enqueue.StateDead) != (s.LastError != nil) {
			t.Errorf("after %s: %+v, %v", after, s, err)
		}
	}
}

func TestADeadSyncIsDoneByALaterSuccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.die(t, "sync", jobs.Sync{OrganizationID: org})
	if ids := b.deadIDs(t); ids["sync"] != 1 {
		t.Errorf("dead: %v", ids)
	}
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	jobstest.Must(t, jobstest.Ledger{Redis: b.rdb}.Sync(t.Context(), org, later, later.Add(time.Hour)))
	s, _, err := b.inspector.Job(t.Context(), "sync")
	if err != nil || s.State != enqueue.StateDone || s.LastError != nil || s.CompletedAt == nil || !s.CompletedAt.Equal(later) {
		t.Errorf("%+v, %v", s, err)
	}
	if ids := b.deadIDs(t); len(ids) != 0 {
		t.Errorf("dead: %v", ids)
	}
	if _, err := b.inspector.Retry(t.Context(), "sync"); !errors.Is(err, enqueue.ErrNotDead) {
		t.Errorf("retry: %v", err)
	}
	b.die(t, "license", jobs.SyncLicense{OrganizationID: org})
	if ids := b.deadIDs(t); ids["license"] != 1 {
		t.Errorf("dead: %v, but no license was synced", ids)
	}
}

func TestAJobThatIsRecordedAndArchivedIsListedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"one", "older version's"} {
		jobstest.Value(b.client.Enqueue(t.Context(), redeem("ann@example.com"), enqueue.WithID(id)))(t)
		b.archive(t, jobs.QueueIntake, id)
	}
	b.die(t, "one", redeem("ann@example.com"))
	if ids := b.deadIDs(t); ids["one"] != 1 || ids["older version's"] != 1 {
		t.Errorf("dead: %v", ids)
	}
}

func TestADeadJobWhoseArgumentsAreForgottenIsNotRunAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.die(t, "one", redeem("ann@example.com"))
	jobstest.Value(record.New(b.rdb).Forget(t.Context(), time.Now().Add(time.Hour)))(t)
	if _, err := b.inspector.Retry(t.Context(), "one"); !errors.Is(err, enqueue.ErrForgotten) {
		t.Errorf("retry: %v", err)
	}
	if ids := b.deadIDs(t); ids["one"] != 1 {
		t.Errorf("dead: %v", ids)
	}
}

func TestAFullStoreTakesNoNewJobsAndDropsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := enqueue.New(b.rdb, enqueue.Options{MaxEnded: 2})
	b.die(t, "one", redeem("ann@example.com"))
	jobstest.Value(client.Enqueue(t.Context(), jobs.Sync{OrganizationID: org}))(t)
	full := enqueue.New(b.rdb, enqueue.Options{MaxEnded: 2})
	b.die(t, "two", redeem("ann@example.com"))
	if _, err := full.Enqueue(t.Context(), jobs.Sync{OrganizationID: org}); fault.CodeOf(err) != fault.StoreFull {
		t.Errorf("one job: %v, want store_full", err)
	}
	if _, err := full.EnqueueAll(t.Context(), twoRedeems()); fault.CodeOf(err) != fault.StoreFull {
		t.Errorf("a batch: %v, want store_full", err)
	}
	if ids := b.deadIDs(t); len(ids) != 2 {
		t.Errorf("dead: %v", ids)
	}
	inspector := enqueue.NewInspector(full)
	jobstest.Value(inspector.Retry(t.Context(), "one"))(t) // makes room itself
	jobstest.Value(full.Enqueue(t.Context(), jobs.Sync{OrganizationID: org}))(t)
}

func TestErasingAMemberErasesDeadJobsThatTheQueueHasForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.die(t, "hers", redeem("ann@example.com"))
	other := redeem("bob@example.com")
	other.OrganizationUserID = otherMember
	b.die(t, "another's", other)
	jobstest.Value(b.inspector.Erase(t.Context(), enqueue.Subject{Organization: org, Key: member}))(t)
	if ids := b.deadIDs(t); len(ids) != 1 || ids["another's"] != 1 {
		t.Errorf("dead: %v", ids)
	}
}

func TestAJobIsFoundInAQueueThatRedisHasForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Value(b.client.Enqueue(t.Context(), jobs.Sync{OrganizationID: org}))(t)
	b.store.FlushAll()
	id := jobstest.Value(b.client.Enqueue(t.Context(), jobs.Sync{OrganizationID: org}))(t).ID
	if s, known, err := b.inspector.Job(t.Context(), id); !known || err != nil || s.State != enqueue.StatePending {
		t.Errorf("%+v, %v, %v", s, known, err)
	}
}
