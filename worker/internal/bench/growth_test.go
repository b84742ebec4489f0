package bench_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// BenchmarkGrowth is a full sync of ever more rows in a worker process of its
// own. Neither the time per row nor the worker's peak memory should grow with them.
func BenchmarkGrowth(b *testing.B) {
	sizes := []int{1_000, 10_000, 100_000}
	if os.Getenv("BENCH_HUGE") != "" {
		sizes = append(sizes, 1_000_000)
	}
	for _, rows := range sizes {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			for b.Loop() {
				fullSync(b, rows)
				silent(b)
			}
		})
	}
}

// fullSync returns how many seconds it took.
func fullSync(b *testing.B, rows int) float64 {
	b.Helper()
	s, nats, remote := newStore(b), jobstest.RealNATS(b), &echo{}
	s.connect(b, organization(0), someOrganization())
	s.begin(b, organization(0))
	s.seed(b, organization(0), rows)
	worker := runWorker(b, settingsOf(b, s, nats, remote.start(b)))
	idle := worker.memory("VmRSS")

	_, err := s.jobs.Enqueue(b.Context(), jobs.Sync{OrganizationID: organization(0)})
	jobstest.Must(b, err)
	js, err := events.Connect(events.Connection{URL: nats.URL, Name: "bench"})
	jobstest.Must(b, err)
	defer js.Conn().Close()
	done := synced(b, js)
	if int64(rows) != remote.rows.Load() || done.Rows != rows {
		b.Fatalf("%d rows were told and %d arrived, want %d", done.Rows, remote.rows.Load(), rows)
	}
	took := time.Duration(done.DurationMS) * time.Millisecond
	b.ReportMetric(took.Seconds(), "s")
	b.ReportMetric(float64(took.Microseconds())/float64(rows), "µs/row")
	b.ReportMetric(float64(done.Requests), "requests")
	b.ReportMetric(idle, "idle-MiB")
	b.ReportMetric(worker.memory("VmHWM"), "peak-MiB")
	return took.Seconds()
}

// synced waits for the event that a full sync has succeeded.
func synced(b *testing.B, js jetstream.JetStream) (done events.Sync) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), deadline)
	defer cancel()
	err := events.Watch(ctx, js, events.WatchOptions{Since: time.Unix(0, 0)}, func(r events.Record) error {
		e, err := events.Decode[events.Sync](r.Payload)
		if err != nil || e.Data.Trigger != "manual" {
			return nil
		}
		done = e.Data
		return errSeen
	})
	if !errors.Is(err, errSeen) {
		b.Fatalf("no full sync ended within %v (%v)", deadline, err)
	}
	return done
}

var errSeen = errors.New("seen")

// someOrganization is one that echo, which asks for nothing, takes for its own.
func someOrganization() cloudtest.Organization {
	return cloudtest.Organization{ID: string(organization(1)), BillingSyncKey: "token"}
}
