package intake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	org    = sponsorship.ID("10000000-0000-4000-8000-000000000001")
	member = sponsorship.ID("20000000-0000-4000-8000-000000000001")
	mum    = "mum@example.com"
)

// bundle is an intake on a ledger of its own; it records whom it wakes.
type bundle struct {
	*testing.T
	rdb    *redis.Client
	client *enqueue.Client // of the queue that the intake looks at
	ledger *ledger.Ledger
	intake *intake.Intake
	woken  []string // generations
	broken error    // of the queue
}

func setup(t *testing.T) *bundle {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(t, err)
	b := &bundle{T: t, rdb: rdb, client: enqueue.New(rdb, enqueue.Options{}), ledger: ledger.New(rdb, sealer)}
	b.intake = b.another(b.ledger)
	return b
}

func (b *bundle) another(l *ledger.Ledger) *intake.Intake {
	b.Helper()
	made, err := intake.New(intake.Params{Ledger: l, Waker: b, Line: enqueue.NewSystem(b.client)})
	jobstest.Must(b, err)
	return made
}

func (b *bundle) newClient() *redis.Client {
	own := redis.NewClient(b.rdb.Options())
	b.Cleanup(func() { _ = own.Close() })
	return own
}

func (b *bundle) Wake(_ context.Context, _ sponsorship.ID, generation string) error {
	b.woken = append(b.woken, generation)
	return b.broken
}

// started lets the organization's first sync be asked for by hand.
func (b *bundle) started() *bundle {
	b.Helper()
	_, err := b.ledger.RequestFull(b.Context(), org, ledger.Request{JobID: "first", Trigger: ledger.Manual})
	jobstest.Must(b, err)
	return b
}

func (b *bundle) redeem(jobID, email string) error {
	return b.intake.Redeem(b.Context(), jobs.Job[jobs.Redeem]{ID: jobID, Args: jobs.Redeem{
		OrganizationID: org, OrganizationUserID: member, SponsoredEmail: email,
	}})
}

func (b *bundle) change(jobID string, edit func(*jobs.ChangeSponsorship)) error {
	args := jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: member}
	edit(&args)
	return b.intake.ChangeSponsorship(b.Context(), jobs.Job[jobs.ChangeSponsorship]{ID: jobID, Args: args})
}

func revoke(a *jobs.ChangeSponsorship) { a.Revoke = true }

// is demands the status of the record, and which statuses the events tell.
func (b *bundle) is(want sponsorship.Status, told ...sponsorship.Status) {
	b.Helper()
	found, err := b.ledger.Get(b.Context(), org, member)
	jobstest.Must(b, err)
	if found[0].Status != want {
		b.Errorf("the sponsorship is %q, want %q", found[0].Status, want)
	}
	entries, err := b.ledger.ReadOutbox(b.Context(), state.Shard(org), 100, -1)
	jobstest.Must(b, err)
	var got []sponsorship.Status
	for _, e := range entries {
		event, err := events.Decode[events.Sponsorship](e.Payload)
		jobstest.Must(b, err)
		got = append(got, event.Data.To)
	}
	if !slices.Equal(got, told) {
		b.Errorf("events tell %v, want %v", got, told)
	}
}

func refused(t testing.TB, err error, want fault.Code) {
	t.Helper()
	if !jobs.IsRefused(err) || fault.CodeOf(err) != want {
		t.Errorf("err = %v, want it refused as %s", err, want)
	}
}

func TestARedeemIsStoredWithItsEventAndWakesNobodyBeforeTheFirstSync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.redeem("job", mum))
	b.is(sponsorship.Pending, sponsorship.Pending)
	if len(b.woken) != 0 {
		t.Errorf("woken %v before the first sync", b.woken)
	}
}

func TestTheFirstOfManyRedeemsWakes(t *testing.T) {
	t.Parallel()
	b := setup(t).started()
	for n := range 5 {
		jobstest.Must(t, b.intake.Redeem(t.Context(), jobs.Job[jobs.Redeem]{ID: fmt.Sprint("job-", n), Args: jobs.Redeem{
			OrganizationID: org, OrganizationUserID: sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n)), SponsoredEmail: mum,
		}}))
	}
	if len(b.woken) != 1 {
		t.Errorf("woken %d times, want once per generation", len(b.woken))
	}
}

func TestAJobThatCouldNotWakeWakesWhenItIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*bundle) error{
		"redeem": func(b *bundle) error { return b.redeem("job", mum) },
		"change": func(b *bundle) error {
			return b.change("job", func(a *jobs.ChangeSponsorship) { a.SponsoredEmail = "dad@example.com" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if name == "change" {
				jobstest.Must(t, b.redeem("before", mum))
			}
			b.started()
			b.broken = errors.New("Redis is away")
			if err := run(b); !errors.Is(err, b.broken) || jobs.IsPermanent(err) {
				t.Fatalf("err = %v, want the queue's, to be tried again", err)
			}
			b.broken = nil
			jobstest.Must(t, run(b))
			if len(b.woken) != 2 || b.woken[0] != b.woken[1] {
				t.Errorf("woken %v, want the same generation twice", b.woken)
			}
		})
	}
}

func TestASecondDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.redeem("one", mum))
	jobstest.Must(t, b.change("two", revoke))
	for range 2 {
		jobstest.Must(t, b.redeem("one", mum))
		jobstest.Must(t, b.change("two", revoke))
	}
	b.is(sponsorship.Removed, sponsorship.Pending, sponsorship.Removed)
}

func TestAnOutcomeIsRepeatedAlthoughTheRecordHasMovedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refused(t, b.change("early", revoke), fault.SponsorshipNotFound)
	jobstest.Must(t, b.redeem("one", mum))
	refused(t, b.change("early", revoke), fault.SponsorshipNotFound)
	b.is(sponsorship.Pending, sponsorship.Pending)

	jobstest.Must(t, b.redeem("same", mum)) // finds nothing to do
	jobstest.Must(t, b.change("two", revoke))
	jobstest.Must(t, b.redeem("same", mum))
	b.is(sponsorship.Removed, sponsorship.Pending, sponsorship.Removed)
}

func TestARedeemMeetsWhatIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.redeem("one", "typo@example.com"))
	jobstest.Must(t, b.redeem("two", mum)) // nothing has left yet: it is corrected in place
	found, err := b.ledger.Get(t.Context(), org, member)
	jobstest.Must(t, err)
	if found[0].Email != mum || found[0].JobID != "two" {
		t.Errorf("the record is %+v, want the corrected address", found[0])
	}
}

func TestAJobThatLosesEveryRaceIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.redeem("one", mum))
	rival, n := b.another(b.ledger.Through(b.newClient())), 0
	b.rdb.AddHook(beforeScripts(func() { // between reading and writing
		if n++; n > 100 {
			return
		}
		jobstest.Must(t, rival.ChangeSponsorship(t.Context(), jobs.Job[jobs.ChangeSponsorship]{ID: fmt.Sprint("rival-", n), Args: jobs.ChangeSponsorship{
			OrganizationID: org, OrganizationUserID: member, FriendlyName: fmt.Sprint("label ", n),
		}}))
	}))
	err := b.change("late", revoke)
	if err == nil || jobs.IsPermanent(err) {
		t.Fatalf("err = %v, want one that is tried again", err)
	}
	n = 100
	jobstest.Must(t, b.change("late", revoke))
	b.is(sponsorship.Removed, sponsorship.Pending, sponsorship.Removed)
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := intake.New(intake.Params{}); err == nil {
		t.Error("an intake without parts was made")
	}
}

// beforeScripts does something before each script that a client sends.
type beforeScripts func()

func (beforeScripts) DialHook(next redis.DialHook) redis.DialHook { return next }

func (beforeScripts) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (do beforeScripts) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			do()
		}
		return next(ctx, cmd)
	}
}
