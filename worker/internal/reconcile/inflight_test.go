package reconcile_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// stalled is a worker's request that the cloud is at work on: it has loaded the
// rows and has not inserted yet.
type stalled struct {
	b    *bundle
	gate *cloudtest.Gate
	end  context.CancelFunc
	over chan error
}

func (b *bundle) stall(worker *reconcile.Reconciler) *stalled {
	b.t.Helper()
	first := func(r cloudtest.Request) bool { return slices.Contains(r.RowKeys(), string(user(1))) }
	s := &stalled{b: b, gate: b.cloud.Hold(cloudtest.Loaded, first), over: make(chan error, 1)}
	b.t.Cleanup(s.gate.Release)
	var ctx context.Context
	ctx, s.end = context.WithCancel(b.t.Context())
	b.t.Cleanup(s.end)
	go func() { s.over <- worker.Pending(ctx, org) }()
	_, err := s.gate.Wait(b.t.Context())
	jobstest.Must(b.t, err)
	return s
}

// goesOn lets the cloud finish what it began, long after the caller has gone.
func (s *stalled) goesOn() {
	s.b.t.Helper()
	s.gate.Release()
	jobstest.Eventually(s.b.t, jobstest.Timeout, func() bool { return s.b.cloud.Stats().Sync[s.b.remote.ID].InFlight == 0 })
}

// requests is how many requests with rows have arrived.
func (b *bundle) requests() (n int) {
	for _, r := range b.cloud.SyncRequests() {
		n += min(len(r.Rows), 1)
	}
	return n
}

// notDoubled checks that the cloud holds one row, and has mailed once.
func (b *bundle) notDoubled() {
	b.t.Helper()
	if rows, mails := len(b.cloud.Rows(b.remote.ID)), b.mails(1); rows != 1 || mails != 1 {
		b.t.Errorf("%d rows in the cloud and %d mails, want one each", rows, mails)
	}
}

func TestAnUnansweredRequestIsNotRepeatedWhileTheCloudMayBeAtWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	s := b.stall(b.sync)
	s.end() // a timeout, a deploy: the caller hangs up
	<-s.over
	b.is(1, "pending(redeem) cloud_unavailable")
	if why := b.get(1).Reason.Message; !strings.Contains(why, "not sent again before "+time.Now().UTC().Format("2006-01-02T")) {
		t.Errorf("the row says %q, and not until when", why)
	}
	for range 3 {
		b.mustPending()
		if err := b.full(); !jobs.IsSnooze(err) || !strings.Contains(err.Error(), "sent again at 20") {
			t.Errorf("a person's sync: %v, want it to wait and say until when", err)
		}
	}
	if b.requests() != 1 {
		t.Errorf("%d requests while the first is at work", b.requests())
	}
	s.goesOn()
	b.afterGrace()
	b.mustFull()
	b.is(1, "sent mail_uncertain")
	b.notDoubled()
}

func TestARevocationDoesNotMeetTheOfferThatIsStillComing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	s := b.stall(b.sync)
	s.end()
	<-s.over
	jobstest.Must(t, b.change(1, revoke))
	b.mustPending()
	b.is(1, "pending(revoke) cloud_unavailable")
	s.goesOn()
	b.afterGrace()
	b.mustPending()
	b.is(1, "removed")
	if rows := b.cloud.Rows(b.remote.ID); len(rows) != 0 {
		t.Errorf("the offer lives on after its revocation: %+v", rows)
	}
}

// mortal is a worker that can be killed: it reaches Redis through a client of its
// own.
func (b *bundle) mortal() (worker *reconcile.Reconciler, kill func()) {
	b.t.Helper()
	o := *b.rdb.(*redis.Client).Options()
	o.MaxRetries, o.PoolSize = -1, 0
	own := redis.NewClient(&o)
	kill = func() { _ = own.Close() }
	b.t.Cleanup(kill)
	p := b.params
	p.Ledger = b.ledger.Through(own)
	worker, err := reconcile.New(p)
	jobstest.Must(b.t, err)
	return worker, kill
}

func (b *bundle) leaseExpires() {
	b.t.Helper()
	jobstest.Must(b.t, b.rdb.Del(b.t.Context(), state.Key(org, "lease")).Err())
}

func TestATakeOverDoesNotRepeatWhatAKilledWorkerSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	worker, kill := b.mortal()
	s := b.stall(worker)
	kill()
	s.end()
	<-s.over
	b.is(1, "pending(redeem)") // the dead say nothing
	b.leaseExpires()
	b.redeem(2)
	b.mustPending()
	b.is(1, "pending(redeem) cloud_unavailable")
	b.is(2, "sent") // nobody else waits
	s.goesOn()
	b.afterGrace()
	b.mustPending()
	b.is(1, "sent mail_uncertain")
	if n := len(b.cloud.MailsTo(address(1))); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// Redis hung for longer than a lease lives, and the worker that held it goes on.
func TestALostLeaseDoublesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	s := b.stall(b.sync)
	b.leaseExpires()
	b.mustPending()
	b.is(1, "pending(redeem) cloud_unavailable")
	if b.requests() != 1 {
		t.Errorf("%d requests, want no other while the first is at work", b.requests())
	}
	s.goesOn()
	<-s.over
	b.afterGrace()
	b.mustPending()
	b.is(1, "sent mail_uncertain")
	b.notDoubled()
}

// slowTurns is a cloud whose turns take their time.
type slowTurns struct {
	reconcile.Cloud
	wait func()
}

func (c slowTurns) Turn(ctx context.Context, lane cloud.Lane) error {
	c.wait()
	return c.Cloud.Turn(ctx, lane)
}

// The recipient accepts while the withdrawal waits for its turn.
func TestWhatWaitedForItsTurnIsPlannedAnew(t *testing.T) {
	t.Parallel()
	b := sent(t)
	turns := 0
	slow := slowTurns{b.params.Cloud, func() {
		if turns++; turns == 2 {
			_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
			jobstest.Must(t, err)
			b.clockOff.Add(int64(2 * time.Minute))
		}
	}}
	b.with(func(p *reconcile.Params) { p.Cloud = slow })
	jobstest.Must(t, b.change(1, readdress("new@example.com")))
	b.mustPending()
	b.is(1, "redeemed already_redeemed")
	for _, r := range b.cloud.SyncRequests() {
		for _, row := range r.Rows {
			if row.ToDelete {
				t.Fatal("a tombstone met a sponsorship that was redeemed")
			}
		}
	}
}

// unsure is a disk that is too slow.
type unsure struct{ redis.Hook }

func (unsure) DialHook(next redis.DialHook) redis.DialHook { return next }
func (unsure) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (unsure) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.EqualFold(cmd.Name(), "waitaof") {
			cmd.(*redis.Cmd).SetVal([]any{int64(0), int64(0)})
			return nil
		}
		return next(ctx, cmd)
	}
}

func TestNothingLeavesBeforeItsMarkIsOnDisk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	onDisk(b)
	b.mustFull()
	b.redeem(1)
	b.rdb.AddHook(unsure{})
	if err := b.pending(); fault.CodeOf(err) != fault.QueueUnavailable {
		t.Errorf("err = %v, want queue_unavailable", err)
	}
	b.is(1, "pending(redeem)")
	if b.requests() != 0 || b.organization().Failures != 0 || b.get(1).Wire.Offered != "" {
		t.Errorf("%d requests, %d failures, offered %q; want none of it", b.requests(), b.organization().Failures, b.get(1).Wire.Offered)
	}
}

// onDisk puts the ledger into a real Redis that loses nothing.
func onDisk(b *bundle) *jobstest.Process {
	b.t.Helper()
	server := inRedis(b)
	jobstest.Must(b.t, b.rdb.ConfigSet(b.t.Context(), "appendfsync", "always").Err())
	return server
}

// inRedis puts the ledger into a real Redis, which many rows cost less than the
// embedded one.
func inRedis(b *bundle) *jobstest.Process {
	b.t.Helper()
	server := jobstest.RealRedis(b.t)
	o, err := redis.ParseURL(server.URL)
	jobstest.Must(b.t, err)
	o.ContextTimeoutEnabled = true
	rdb := redis.NewClient(o)
	b.t.Cleanup(func() { _ = rdb.Close() })
	b.rdb, b.ledger = rdb, b.newLedger(rdb)
	b.intake = newIntake(b)
	b.with(func(p *reconcile.Params) { p.Ledger = b.ledger })
	jobstest.Must(b.t, b.ledger.Beat(b.t.Context()))
	jobstest.Must(b.t, b.ledger.Connect(b.t.Context(), org, b.connection()))
	return server
}

func TestKillingWorkerAndRedisTogetherDoublesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := onDisk(b)
	b.mustFull()
	b.redeem(1)
	worker, kill := b.mortal()
	s := b.stall(worker)
	server.Kill()
	kill()
	s.end()
	<-s.over
	server.Restart()
	b.leaseExpires()
	b.mustPending()
	b.is(1, "pending(redeem) cloud_unavailable")
	if b.requests() != 1 {
		t.Errorf("%d requests, want no other while the first is at work", b.requests())
	}
	s.goesOn()
	b.afterGrace()
	b.mustPending()
	b.is(1, "sent mail_uncertain")
	b.notDoubled()
}

// What no client can promise.
func TestACloudThatWorksOnBeyondTheGraceDoubles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	s := b.stall(b.sync)
	s.end()
	<-s.over
	b.afterGrace()
	second := make(chan error, 1)
	go func() { second <- b.pending() }()
	_, err := s.gate.Wait(t.Context())
	jobstest.Must(t, err)
	s.goesOn()
	jobstest.Must(t, <-second)
	if rows := len(b.cloud.Rows(b.remote.ID)); rows != 2 {
		t.Errorf("%d rows, want the two that the README speaks of", rows)
	}
}
