package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/sweep"
)

// recorder is an Enqueuer that only writes down. What is taken is enqueued already.
type recorder struct {
	rdb redis.UniversalClient

	mu               sync.Mutex
	woken, scheduled []sponsorship.ID
	taken            map[sponsorship.ID]bool
	waiting          int
	err              error
}

func (r *recorder) Left(_ context.Context, org sponsorship.ID, _ string) (bool, error) {
	return r.add(&r.woken, org)
}

func (r *recorder) Scheduled(_ context.Context, org sponsorship.ID, _ time.Time) (bool, error) {
	return r.add(&r.scheduled, org)
}

func (r *recorder) add(to *[]sponsorship.ID, org sponsorship.ID) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[org] {
		return false, r.err
	}
	*to = append(*to, org)
	return true, r.err
}

func (r *recorder) Waiting(context.Context, jobs.Queue) (int, error) { return r.waiting, nil }

// setup returns what a sweeper works with, and what it will have enqueued.
func setup(t *testing.T) (sweep.Params, *recorder) {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, err := state.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{rdb: rdb}
	return sweep.Params{
		Ledger: ledger.New(rdb, sealer), Enqueuer: r, Interval: time.Millisecond, Grace: time.Minute, CloudEnabled: true,
		SyncInterval: 24 * time.Hour, ForgetAfter: 90 * 24 * time.Hour,
		Trim: func(context.Context) error { return nil }, Log: zerolog.Nop(),
	}, r
}

func sweeper(t *testing.T, p sweep.Params) *sweep.Sweeper {
	t.Helper()
	s, err := sweep.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const sweptOrg = sponsorship.ID("30000000-0000-4000-8000-000000000001")

// startedLongAgo leaves an organization with an unanswered full sync, and one
// whose date has come.
func startedLongAgo(t *testing.T, l *ledger.Ledger, r *recorder) {
	t.Helper()
	leave(t, l, sweptOrg)
	r.later(t, l, time.Hour)
}

func leave(t *testing.T, l *ledger.Ledger, org sponsorship.ID) {
	t.Helper()
	_, err := l.RequestFull(t.Context(), org, ledger.Request{JobID: "job-" + string(org), Trigger: ledger.Manual})
	jobstest.Must(t, err)
	begun, err := l.Begin(t.Context(), org, ledger.Attempt{Token: "token"})
	jobstest.Must(t, err)
	session := begun.Session
	jobstest.Must(t, session.Settle(t.Context(), ledger.Settled{Full: true, Next: time.Minute}))
	_, err = l.RequestFull(t.Context(), org, ledger.Request{JobID: "again-" + string(org), Trigger: ledger.Manual})
	jobstest.Must(t, err)
	_, err = session.Release(t.Context(), ledger.Leave{Anyway: true})
	jobstest.Must(t, err)
}

// later moves the ledger's clock.
func (r *recorder) later(t *testing.T, l *ledger.Ledger, d time.Duration) {
	t.Helper()
	jobstest.Must(t, jobstest.Ledger{Redis: r.rdb}.Advance(t.Context(), d))
	jobstest.Must(t, l.Beat(t.Context()))
}

func TestSweepSchedulesWhatIsDueAndWakesWhatIsStuck(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	startedLongAgo(t, p.Ledger, r)
	if err := sweeper(t, p).Sweep(t.Context(), jobs.Job[jobs.Sweep]{}); err != nil {
		t.Fatal(err)
	}
	if len(r.scheduled) != 1 || r.scheduled[0] != sweptOrg || len(r.woken) != 1 {
		t.Errorf("scheduled %v, woken %v, want the organization in both", r.scheduled, r.woken)
	}
}

func TestSweepLeavesEverythingAloneWithCloudCommunicationOff(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	p.CloudEnabled = false
	startedLongAgo(t, p.Ledger, r)
	s := sweeper(t, p)
	if err := errors.Join(s.Sweep(t.Context(), jobs.Job[jobs.Sweep]{}), s.Run(t.Context())); err != nil {
		t.Fatal(err)
	}
	if len(r.scheduled)+len(r.woken) != 0 {
		t.Errorf("scheduled %v, woken %v", r.scheduled, r.woken)
	}
}

func TestSweepRunsUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	r.err = errors.New("Redis is away")
	startedLongAgo(t, p.Ledger, r)
	s := sweeper(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for range 3 { // a failure does not end it
		if err := s.Wake(t.Context()); err == nil {
			t.Fatal("the failure was swallowed")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("err = %v after a clean end", err)
	}
}

// herd leaves organizations of one shard, whose daily sync is due and whose work
// is stuck, the oldest first.
func (r *recorder) herd(t *testing.T, l *ledger.Ledger, n int) []sponsorship.ID {
	t.Helper()
	var all []sponsorship.ID
	for i := 0; len(all) < n; i++ {
		org := sponsorship.ID(fmt.Sprintf("30000000-0000-4000-8000-%012d", i))
		if state.Shard(org) != 3 {
			continue
		}
		leave(t, l, org)
		all = append(all, org)
	}
	r.later(t, l, time.Hour)
	return all
}

func TestSweepEnqueuesLessThanTheLimit(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	p.Rate, p.Interval = 60, 15*time.Second
	r.herd(t, p.Ledger, 40)
	s := sweeper(t, p)
	jobstest.Must(t, s.Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	if scheduled, woken := len(r.scheduled), len(r.woken); scheduled != 13 || woken != 7 {
		t.Errorf("%d daily syncs and %d others in a sweep, want 13 (what leaves in 15 s) and half of that", scheduled, woken)
	}
	r.waiting = 13
	jobstest.Must(t, s.Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	if len(r.scheduled)+len(r.woken) != 20 {
		t.Error("enqueued although the queue is full")
	}
	r.waiting, r.scheduled, r.woken, p.Interval = 0, nil, nil, time.Millisecond
	jobstest.Must(t, sweeper(t, p).Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	if len(r.scheduled) != 1 || len(r.woken) != 1 {
		t.Errorf("%d and %d in a short interval, want one each: else nothing ever goes on", len(r.scheduled), len(r.woken))
	}
}

// What is enqueued already, because it fails again and again, hides nobody.
func TestSweepLooksBehindWhatFails(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	p.Rate, p.Interval = 60, 15*time.Second
	all := r.herd(t, p.Ledger, 502)
	r.taken = map[sponsorship.ID]bool{}
	for _, org := range all[:500] {
		r.taken[org] = true
	}
	jobstest.Must(t, sweeper(t, p).Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	if !slices.Equal(r.scheduled, all[500:]) || !slices.Equal(r.woken, all[500:]) {
		t.Errorf("scheduled %v, woke %v, want the healthy ones behind 500", r.scheduled, r.woken)
	}
}

func TestSweepSaysOnlyWhatItDid(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	var log strings.Builder
	p.Log = zerolog.New(&log)
	all := r.herd(t, p.Ledger, 2)
	r.taken = map[sponsorship.ID]bool{all[0]: true}
	jobstest.Must(t, sweeper(t, p).Wake(t.Context()))
	if text := log.String(); strings.Count(text, "left behind") != 1 || !strings.Contains(text, string(all[1])) {
		t.Errorf("logged %s", text)
	}
}

// In a backoff an organization is left alone.
func TestSweepKeepsToABackoff(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	org := r.herd(t, p.Ledger, 1)[0]
	begun, err := p.Ledger.Begin(t.Context(), org, ledger.Attempt{Token: "t"})
	jobstest.Must(t, err)
	_, err = begun.Session.Fail(t.Context(), ledger.Failed{
		Fault: fault.New(fault.CloudUnavailable, "away"), RetryIn: 30 * time.Minute,
	})
	jobstest.Must(t, err)
	// A redeem that arrives in the backoff is work that waits since then.
	jobstest.Must(t, r.rdb.ZAdd(t.Context(), state.ShardKey(state.Shard(org), "work"), redis.Z{Score: 1, Member: string(org)}).Err())
	jobstest.Must(t, sweeper(t, p).Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	if len(r.scheduled)+len(r.woken) != 0 {
		t.Errorf("scheduled %v, woke %v", r.scheduled, r.woken)
	}
	r.later(t, p.Ledger, 32*time.Minute)
	jobstest.Must(t, sweeper(t, p).Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	if len(r.scheduled) != 1 || len(r.woken) != 1 {
		t.Errorf("scheduled %v, woke %v after the backoff", r.scheduled, r.woken)
	}
}

func TestSweepLeavesAloneWhatIsPaused(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	all := r.herd(t, p.Ledger, 2)
	jobstest.Must(t, p.Ledger.Stop(t.Context(), all[0], time.Now()))
	s := sweeper(t, p)
	jobstest.Must(t, s.Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	if !slices.Equal(r.scheduled, all[1:]) || !slices.Equal(r.woken, all[1:]) {
		t.Errorf("scheduled %v, woke %v, want the other one", r.scheduled, r.woken)
	}
	jobstest.Must(t, p.Ledger.Stop(t.Context(), "", time.Now()))
	jobstest.Must(t, s.Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	if len(r.scheduled)+len(r.woken) != 2 {
		t.Error("enqueued while everything is paused")
	}
}

func TestSweepForgetsAlsoWithCloudCommunicationOff(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	p.CloudEnabled = false
	const user = sponsorship.ID("40000000-0000-4000-8000-000000000001")
	was := sponsorship.Sponsorship{OrganizationID: sweptOrg, UserID: user, Email: "gone@example.com", Status: sponsorship.Removed, Revision: 1}
	seed := jobstest.Ledger{Redis: r.rdb}
	jobstest.Must(t, seed.Put(t.Context(), was))
	jobstest.Must(t, seed.Advance(t.Context(), p.ForgetAfter+time.Minute))
	jobstest.Must(t, p.Ledger.Beat(t.Context()))
	jobstest.Must(t, sweeper(t, p).Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	found, err := p.Ledger.Get(t.Context(), sweptOrg, user)
	jobstest.Must(t, err)
	if found[0].Email != "" || found[0].Status != sponsorship.Removed {
		t.Errorf("left: %+v, want a removed one without an address", found[0])
	}
}

// Its date was set by a clock that was a year ahead.
func TestADateThatLiesTooFarAheadIsBroughtBack(t *testing.T) {
	t.Parallel()
	p, r := setup(t)
	startedLongAgo(t, p.Ledger, r)
	schedule := state.ShardKey(state.Shard(sweptOrg), "schedule")
	year := time.Now().Add(365 * 24 * time.Hour).UnixMilli()
	jobstest.Must(t, r.rdb.ZAdd(t.Context(), schedule, redis.Z{Score: float64(year), Member: string(sweptOrg)}).Err())
	jobstest.Must(t, r.rdb.HSet(t.Context(), state.Key(sweptOrg, ""), "nextSyncAt", year).Err())
	sweep := func() {
		t.Helper()
		jobstest.Must(t, sweeper(t, p).Sweep(t.Context(), jobs.Job[jobs.Sweep]{}))
	}
	sweep()
	most := 26*time.Hour + 24*time.Minute
	o, _, err := p.Ledger.Organization(t.Context(), sweptOrg)
	jobstest.Must(t, err)
	if wait := o.NextSyncAt.Sub(p.Ledger.Now(sweptOrg)); wait > most+time.Minute || wait < most-time.Minute {
		t.Errorf("the next sync is said to be due in %v, want %v", wait, most)
	}
	if len(r.scheduled) != 0 {
		t.Fatalf("%v are synced before their date", r.scheduled)
	}
	r.later(t, p.Ledger, most+time.Minute)
	sweep()
	if !slices.Equal(r.scheduled, []sponsorship.ID{sweptOrg}) {
		t.Errorf("%v are synced, want the one that was brought back", r.scheduled)
	}
}
