package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// How long a member's write takes while the bridge writes what a sync has answered for
// thousands: a hundred rows at a look, 10 ms apart, without a break between two looks.
func BenchmarkLongestWaitWhileWeWrite(b *testing.B) {
	neighbors(b, func(n *neighborhood) {
		writer := jobstest.Value(database.Open(database.Options{Target: target(b, n.vault), Writes: true, Now: n.clock.Now}))(b)
		defer func() { jobstest.Must(b, writer.Close()) }()
		for range b.N {
			var quiet, beside []time.Duration
			written := 0
			for round := range 5 {
				quiet = append(quiet, n.writes(nil)...)
				beside = append(beside, n.writes(func(ctx context.Context) {
					written += n.tell(ctx, writer, sponsorship.ID(n.orgs[round]))
				})...)
			}
			report(n.B, "quiet", quiet)
			report(n.B, "beside", beside)
			n.ReportMetric(float64(written), "rows")
		}
	})
}

// tell writes to the first hundred rows, as one look of the bridge does.
func (n *neighborhood) tell(ctx context.Context, writer *database.Database, org sponsorship.ID) (written int) {
	n.Helper()
	snapshot := jobstest.Value(writer.Read(n.Context(), org))(n)
	now := time.Now()
	for _, row := range snapshot.Rows[:100] {
		w := vault.Write{Was: row, Synced: &now, ValidUntil: &now}
		if outcome := jobstest.Value(writer.Write(n.Context(), org, w))(n); outcome == vault.Written {
			written++
		}
		if jobs.Sleep(ctx, 10*time.Millisecond) != nil {
			break
		}
	}
	return written
}
