package sweep_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/sweep"
)

// recorder is an Enqueuer that only writes down.
type recorder struct {
	rdb redis.UniversalClient

	mu               sync.Mutex
	woken, scheduled []sponsorship.ID
	err              error
}

func (r *recorder) Wake(_ context.Context, org sponsorship.ID, _ string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.woken = append(r.woken, org)
	return r.err
}

func (r *recorder) Scheduled(_ context.Context, org sponsorship.ID, _ time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scheduled = append(r.scheduled, org)
	return r.err
}

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
	if _, err := l.RequestFull(t.Context(), sweptOrg, ledger.Request{JobID: "job", Trigger: ledger.Manual}); err != nil {
		t.Fatal(err)
	}
	begun, err := l.Begin(t.Context(), sweptOrg, ledger.Attempt{Token: "token"})
	if err != nil {
		t.Fatal(err)
	}
	session := begun.Session
	if err := session.Settle(t.Context(), ledger.Settled{Full: true, Next: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.RequestFull(t.Context(), sweptOrg, ledger.Request{JobID: "again", Trigger: ledger.Manual}); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Release(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	jobstest.Must(t, jobstest.Ledger{Redis: r.rdb}.Advance(t.Context(), time.Hour))
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
