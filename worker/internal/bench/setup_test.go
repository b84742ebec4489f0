package bench_test

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// deadline bounds every wait; it is far beyond what any of them takes.
const deadline = 10 * time.Minute

// The concurrency of a worker at its defaults (config/variables.go, worker/work.go).
const (
	intakeConcurrency = 16
	intakeServers     = 2
	intakeConvoy      = 128
	cloudConcurrency  = 8
	batchSize         = 1000
)

// encryptionKey seals tokens in private ledgers.
const encryptionKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func organization(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("10000000-0000-4000-8000-%012d", n))
}

func user(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n))
}

func address(n int) string { return fmt.Sprintf("member%d@example.com", n) }
func label(n int) string   { return fmt.Sprintf("Member %d", n) }

func redeemOf(n int) jobs.Redeem {
	return jobs.Redeem{
		OrganizationID: organization(0), OrganizationUserID: user(n),
		SponsoredEmail: address(n), FriendlyName: label(n),
	}
}

// store is a private Redis and what we keep in it.
type store struct {
	server *jobstest.Process
	rdb    redis.UniversalClient
	ledger *ledger.Ledger
	jobs   *enqueue.Client
}

func newStore(b *testing.B) *store {
	b.Helper()
	s := &store{server: jobstest.RealRedis(b)}
	var err error
	s.rdb, err = enqueue.NewRedis(s.server.URL)
	jobstest.Must(b, err)
	b.Cleanup(func() { _ = s.rdb.Close() })
	s.ledger = newLedger(b, s.rdb)
	s.jobs = enqueue.New(s.rdb, enqueue.Options{})
	return s
}

func newLedger(b *testing.B, rdb redis.UniversalClient) *ledger.Ledger {
	b.Helper()
	sealer, err := state.NewSealer([]byte("0123456789abcdef0123456789abcdef")) // what encryptionKey decodes to
	jobstest.Must(b, err)
	return ledger.New(rdb, sealer)
}

// empty forgets everything, so that each round begins alike.
func (s *store) empty(b *testing.B) {
	b.Helper()
	jobstest.Must(b, s.rdb.FlushAll(b.Context()).Err())
}

// begin stores that the organization's first sync was asked for by hand and is
// done: from then on redeems are sent by themselves.
func (s *store) begin(b *testing.B, org sponsorship.ID) {
	b.Helper()
	_, err := s.ledger.RequestFull(b.Context(), org, ledger.Request{JobID: uuid.NewString(), Trigger: ledger.Manual})
	jobstest.Must(b, err)
	session := s.session(b, org)
	jobstest.Must(b, session.Settle(b.Context(), ledger.Settled{Full: true, Next: 24 * time.Hour}))
	release(b, session)
}

func (s *store) session(b *testing.B, org sponsorship.ID) *ledger.Session {
	b.Helper()
	begun, err := s.ledger.Begin(b.Context(), org, ledger.Attempt{Token: uuid.NewString()})
	jobstest.Must(b, err)
	if begun.Session == nil {
		b.Fatal("another sync holds the organization")
	}
	return begun.Session
}

func release(b *testing.B, session *ledger.Session) {
	b.Helper()
	_, err := session.Release(b.Context(), ledger.Leave{Anyway: true})
	jobstest.Must(b, err)
}

// seed stores n sponsorships that the cloud knows, was told yesterday, and mailed.
func (s *store) seed(b *testing.B, org sponsorship.ID, n int) {
	b.Helper()
	jobstest.Must(b, s.ledger.Beat(b.Context())) // else it does not know where revisions begin
	session := s.session(b, org)
	yesterday := now().Add(-24 * time.Hour).Truncate(time.Millisecond) // as the ledger's clock has it
	for first := 0; first < n; first += batchSize {
		var writes []ledger.Write
		for i := first; i < min(first+batchSize, n); i++ {
			none := s.ledger.None(org, user(i)).Revision
			writes = append(writes, ledger.Write{Before: none, After: sponsorship.Sponsorship{
				OrganizationID: org, UserID: user(i), Email: address(i), Name: label(i), Status: sponsorship.Sent, Revision: none + 1,
				LastSyncAt: &yesterday, UpdatedAt: yesterday, JobID: uuid.NewString(), Wire: sponsorship.Wire{Offered: address(i), Known: true},
			}})
		}
		stored, err := session.Apply(b.Context(), writes, ledger.Ended{})
		jobstest.Must(b, err)
		if slices.Contains(stored, false) {
			b.Fatal("seed: a sponsorship was not stored")
		}
	}
	release(b, session)
}

// logger costs what a worker's log costs, and writes nowhere.
func logger() zerolog.Logger { return zerolog.New(io.Discard).With().Timestamp().Logger() }

func curve() jobs.Curve { return jobs.Curve{Base: 2 * time.Second, Max: time.Hour} }

func now() time.Time { return time.Now().UTC() }

// size is n, or a tenth of it with -short.
func size(n int) int {
	if testing.Short() {
		return max(n/10, 1)
	}
	return n
}

// turns measures ours and the baseline alternately and reports the medians, and
// the median of the ratios of neighbors, in which a machine that slows down or
// speeds up in between has little part.
type turns struct {
	rounds     int
	ours, bare func() float64 // a rate: more is better
	unit       string
}

func (t turns) report(b *testing.B) {
	b.Helper()
	var ours, bare, ratios []float64
	for round := range t.rounds {
		x, y := t.round(round%2 == 0)
		ours, bare, ratios = append(ours, x), append(bare, y), append(ratios, x/y)
	}
	b.ReportMetric(quantile(ours, 0.5), "ours-"+t.unit)
	b.ReportMetric(quantile(bare, 0.5), "bare-"+t.unit)
	b.ReportMetric(quantile(ratios, 0.5), "ratio")
	silent(b)
}

// round lets the two begin by turns.
func (t turns) round(oursFirst bool) (ours, bare float64) {
	if oursFirst {
		ours = t.ours()
	}
	bare = t.bare()
	if !oursFirst {
		ours = t.ours()
	}
	return ours, bare
}

// silent leaves out the time an iteration took, which says nothing here.
func silent(b *testing.B) { b.ReportMetric(0, "ns/op") }

// quantile returns the value below which the share q of all values lies.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }
