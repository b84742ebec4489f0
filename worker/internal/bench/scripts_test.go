package bench_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// mostBlocked is how long one script may keep Redis from everybody else.
const mostBlocked = 10 * time.Millisecond

// BenchmarkScripts is how long the scripts with the most rows block Redis, by its own
// slow log: those that let a full batch leave, store its answers, and forget.
func BenchmarkScripts(b *testing.B) {
	s := newStore(b)
	org := organization(0)
	s.connect(b, org, someOrganization())
	s.begin(b, org)
	jobstest.Must(b, s.rdb.ConfigSet(b.Context(), "slowlog-max-len", "100000").Err())
	jobstest.Must(b, s.rdb.ConfigSet(b.Context(), "slowlog-log-slower-than", "0").Err())
	for b.Loop() {
		s.seed(b, org, batchSize)
		s.batch(b, org)
	}
	var took []time.Duration
	for _, entry := range jobstest.Value(s.rdb.SlowLogGet(b.Context(), -1).Result())(b) {
		if strings.HasPrefix(strings.ToLower(entry.Args[0]), "eval") {
			took = append(took, entry.Duration)
		}
	}
	slices.Sort(took)
	worst, middle := took[len(took)-1], took[len(took)*9/10]
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
	b.ReportMetric(float64(middle.Microseconds())/1000, "p90-ms")
	if middle > mostBlocked { // the worst may have lost its processor
		b.Errorf("one script in ten blocks Redis for %v, at most %v is promised", middle, mostBlocked)
	}
}

// batch takes a batch through its life: it leaves, is answered, ends, is forgotten.
func (s *store) batch(b *testing.B, org sponsorship.ID) {
	b.Helper()
	rows, _, err := s.ledger.List(b.Context(), org, state.Page{Limit: batchSize})
	jobstest.Must(b, err)
	if len(rows) != batchSize {
		b.Fatalf("%d rows in a batch, want %d", len(rows), batchSize)
	}
	begun, err := s.ledger.Begin(b.Context(), org, ledger.Attempt{Token: "bench"})
	jobstest.Must(b, err)
	leaving, ids := make([]ledger.Departing, len(rows)), make([]sponsorship.ID, len(rows))
	writes := make([]ledger.Write, len(rows))
	for i, row := range rows {
		marked, over := row, row
		marked.Revision++
		leaving[i], ids[i] = ledger.Departing{Kind: ledger.Refresh, Before: row, After: marked}, row.UserID
		over.Status, over.Intent, over.Revision = sponsorship.Removed, "", row.Revision+2
		writes[i], err = ledger.Announced(marked, over)
		jobstest.Must(b, err)
	}
	_, err = begun.Session.Mark(b.Context(), ledger.Departure{Request: "bench", Life: time.Minute, Rows: leaving})
	jobstest.Must(b, err)
	_, err = begun.Session.Apply(b.Context(), writes, ledger.Ended{Request: "bench", Rows: ids})
	jobstest.Must(b, err)
	jobstest.Must(b, s.ledger.Beat(b.Context())) // else they are over only in a moment
	for range batchSize / state.ScriptRows {
		if n := jobstest.Value(s.ledger.ForgetOver(b.Context(), state.Shard(org), 0))(b); n != state.ScriptRows {
			b.Fatalf("%d forgotten, want %d", n, state.ScriptRows)
		}
	}
	_, err = s.ledger.Disconnect(b.Context(), org)
	jobstest.Must(b, err)
	jobstest.Must(b, s.ledger.Erase(b.Context(), org))
}
