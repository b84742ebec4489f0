package intake_test

import (
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// enqueued puts jobs of the member into the queue, and runs none.
func (b *bundle) enqueued(ids ...string) {
	b.Helper()
	for _, id := range ids {
		args := jobs.Redeem{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: mum}
		jobstest.Value(b.client.Enqueue(b.Context(), args, enqueue.WithID(id)))(b)
	}
}

func (b *bundle) held(err error) {
	b.Helper()
	if !jobs.IsSnooze(err) {
		b.Errorf("err = %v, want it put off until the earlier job has ended", err)
	}
}

func (b *bundle) inspector() *asynq.Inspector { return asynq.NewInspectorFromRedisClient(b.rdb) }

func TestALaterJobWaitsForTheEarlierOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.enqueued("one", "two")
	b.held(b.change("two", revoke))
	b.is("")
	jobstest.Must(t, b.redeem("one", mum))
	jobstest.Must(t, b.change("two", revoke))
	b.is(sponsorship.Removed, sponsorship.Pending, sponsorship.Removed)
}

// What a job finds before its turn proves nothing.
func TestNothingIsRefusedBeforeItsTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.enqueued("one", "two")
	b.held(b.change("two", func(a *jobs.ChangeSponsorship) { a.FriendlyName = "Mum" }))
	jobstest.Must(t, b.redeem("one", mum))
	jobstest.Must(t, b.change("two", func(a *jobs.ChangeSponsorship) { a.FriendlyName = "Mum" }))
}

// The record is read, the earlier job stores its wish, and only then is the later
// one decided: on what it read it would be refused.
func TestNothingIsRefusedOnAnOldRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.enqueued("one", "two")
	rival := b.another(b.ledger.Through(b.newClient()))
	once := false
	b.rdb.AddHook(beforeScripts(func() {
		if !once {
			once = true
			jobstest.Must(t, rival.Redeem(t.Context(), jobs.Job[jobs.Redeem]{ID: "one", Args: jobs.Redeem{
				OrganizationID: org, OrganizationUserID: member, SponsoredEmail: mum,
			}}))
		}
	}))
	jobstest.Must(t, b.change("two", revoke))
	b.is(sponsorship.Removed, sponsorship.Pending, sponsorship.Removed)
}

func TestARefusedJobHoldsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.enqueued("one", "two")
	refused(t, b.change("one", revoke), fault.SponsorshipNotFound)
	jobstest.Must(t, b.redeem("two", mum))
	s, _, err := enqueue.NewInspector(b.client).Job(t.Context(), "one")
	if err != nil || s.State != enqueue.StateRefused || s.LastError.Code != fault.SponsorshipNotFound || s.CompletedAt == nil {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestADeadOrDeletedJobHoldsNobody(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*bundle) error{
		"dead":    func(*bundle) error { return nil },
		"deleted": func(b *bundle) error { return enqueue.NewInspector(b.client).Delete(b.Context(), "one") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.enqueued("one", "two")
			jobstest.Must(t, b.inspector().ArchiveTask(string(jobs.QueueIntake), "one"))
			jobstest.Must(t, end(b))
			jobstest.Must(t, b.redeem("two", mum))
			b.is(sponsorship.Pending, sponsorship.Pending)
		})
	}
}

func TestAJobOfNoPlaceGoesLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.enqueued("one", "two")
	b.held(b.change("foreign", revoke))
	jobstest.Must(t, b.redeem("one", mum))
	b.held(b.change("foreign", revoke))
	jobstest.Must(t, b.redeem("two", mum))
	jobstest.Must(t, b.change("foreign", revoke))
	b.is(sponsorship.Removed, sponsorship.Pending, sponsorship.Removed)
}

// Whoever came later waits for it, too: another program's job was put into the queue
// without a place.
func TestAJobOfNoPlaceHoldsWhoCameLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.enqueued("one")
	foreign := asynq.NewClientFromRedisClient(b.rdb)
	jobstest.Value(foreign.Enqueue(asynq.NewTask(string(jobs.KindChangeSponsorship), nil),
		asynq.Queue(string(jobs.QueueIntake)), asynq.TaskID("foreign")))(t)
	b.held(b.change("foreign", revoke))
	b.enqueued("two")
	jobstest.Must(t, b.redeem("one", mum))
	b.held(b.redeem("two", mum))
	jobstest.Must(t, b.change("foreign", revoke))
	jobstest.Must(t, b.redeem("two", mum))
	b.is(sponsorship.Pending, sponsorship.Pending, sponsorship.Removed, sponsorship.Pending)
}

func TestAJobOfNoPlaceSupersedesTheDead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.enqueued("old")
	jobstest.Must(t, b.inspector().ArchiveTask(string(jobs.QueueIntake), "old"))
	old := record.Blocker{ID: "old", Organization: org, User: member}
	jobstest.Value(enqueue.NewSystem(b.client).Ahead(t.Context(), old))(t) // nobody waits for the dead
	jobstest.Must(t, b.redeem("foreign", mum))
	if _, err := enqueue.NewInspector(b.client).Retry(t.Context(), "old"); fault.CodeOf(err) != fault.Superseded {
		t.Errorf("err = %v, want superseded", err)
	}
}

func TestARefusedJobIsKeptForItsTimeAndCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refused(t, b.change("one", revoke), fault.SponsorshipNotFound) // enqueued by a program that kept no record
	if left := b.rdb.PTTL(t.Context(), state.RecordKey(org, "one")).Val(); left <= record.Life-time.Minute || left > record.Life {
		t.Errorf("kept for %s, want %s", left, record.Life)
	}
	jobstest.Equal(t, "counted", b.rdb.ZCard(t.Context(), state.ShardKey(state.Shard(org), "refused")).Val(), 1)
}

func TestAnOlderJobThatRunsAgainIsSuperseded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.enqueued("old", "new")
	jobstest.Must(t, b.inspector().ArchiveTask(string(jobs.QueueIntake), "old"))
	inspector := enqueue.NewInspector(b.client)
	again := jobstest.Value(inspector.Retry(t.Context(), "old"))(t) // behind the new one
	b.held(b.redeem(again, "old@example.com"))
	jobstest.Must(t, b.redeem("new", mum))
	refused(t, b.redeem(again, "old@example.com"), fault.Superseded)
	refused(t, b.redeem(again, "old@example.com"), fault.Superseded)
	found := jobstest.Value(b.ledger.Get(t.Context(), org, member))(t)
	jobstest.Equal(t, "the address", found[0].Email, mum)
}

func TestALaterWishThatWasFulfilledAlreadySupersedesToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.redeem("first", mum))
	b.enqueued("old", "new")
	jobstest.Must(t, b.inspector().ArchiveTask(string(jobs.QueueIntake), "old"))
	jobstest.Must(t, b.redeem("new", mum)) // finds nothing to do
	if _, err := enqueue.NewInspector(b.client).Retry(t.Context(), "old"); fault.CodeOf(err) != fault.Superseded {
		t.Errorf("err = %v, want superseded", err)
	}
}

// The worker's own clock is half a day from the one by which the queue is dated.
func TestAJobWaitsForARetryByTheSharedClock(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"behind": 12 * time.Hour, "ahead": -12 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.enqueued("one", "two")
			jobstest.Must(t, jobstest.Ledger{Redis: b.rdb}.Advance(t.Context(), off))
			jobstest.Must(t, b.ledger.Beat(t.Context()))
			next := b.ledger.Now(org).Add(30 * time.Second)
			jobstest.Must(t, b.rdb.ZAdd(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "retry"), redis.Z{
				Member: "one", Score: float64(next.Unix()),
			}).Err())
			delay, asked := jobs.Delay(b.change("two", revoke))
			if !asked || delay < 5*time.Second || delay > 32*time.Second {
				t.Errorf("put off by %v (%t), want until the earlier one is tried again in half a minute", delay, asked)
			}
		})
	}
}
