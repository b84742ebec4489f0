package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// BenchmarkOfficial syncs many organizations of which a little has changed: by
// the official server's algorithm (PROTOCOL.md 5.4: one organization after the
// other, every row every time, a thousand per request, results stored when all
// requests of an organization are answered), by our sync of what is pending, and
// by our daily sync of everything, both of which take several organizations at a
// time. Client, cloud and store are the same.
func BenchmarkOfficial(b *testing.B) {
	for b.Loop() {
		w := newEstate(b, size(100), 1000)
		w.change(b, 10)
		w.cost(b, "official", func() { w.officially(b) })
		w.cost(b, "ours", func() { w.syncAll(b, w.wake) })
		w.cost(b, "ours-full", func() { w.syncAll(b, w.schedule) })
		silent(b)
	}
}

// estate is a number of organizations that the cloud knows and holds the
// sponsorships of.
type estate struct {
	*store
	remote      *cloudtest.Cloud
	client      *cloud.Client
	connections []state.Connection
	members     int
}

func newEstate(b *testing.B, organizations, members int) *estate {
	b.Helper()
	w := &estate{store: newStore(b), members: members}
	remote, at := simulate(b, cloudtest.Limits{})
	w.remote, w.client = remote, client(b, at)
	for n := range organizations {
		there := remote.AddOrganization()
		w.connections = append(w.connections, w.connect(b, organization(n), there))
		w.begin(b, organization(n))
		w.seed(b, organization(n), members)
		for m := range members {
			remote.AddRow(cloudtest.Row{OrganizationID: there.ID, OrganizationUserID: string(user(m)), OfferedToEmail: address(m), FriendlyName: label(m)})
		}
	}
	return w
}

// change gives some members of every organization a new label, as jobs would.
func (w *estate) change(b *testing.B, each int) {
	b.Helper()
	handlers, err := intake.New(intake.Params{Ledger: w.ledger, Waker: asleep{}, Line: asleep{}})
	jobstest.Must(b, err)
	for n := range w.connections {
		for m := range each {
			jobstest.Must(b, handlers.ChangeSponsorship(b.Context(), jobs.Job[jobs.ChangeSponsorship]{ID: uuid.NewString(), Args: jobs.ChangeSponsorship{
				OrganizationID: organization(n), OrganizationUserID: user(m), FriendlyName: "another label",
			}}))
		}
	}
}

// asleep wakes nobody: the benchmark says when to begin.
type asleep struct{}

func (asleep) Wake(context.Context, sponsorship.ID, string) error { return nil }
func (asleep) Hurry(context.Context, record.Blocker) error        { return nil }

func (asleep) Ahead(context.Context, record.Blocker) (enqueue.Ahead, error) {
	return enqueue.Ahead{}, nil
}

// cost reports requests, rows and seconds of a way to sync.
func (w *estate) cost(b *testing.B, name string, sync func()) {
	b.Helper()
	requests, rows := w.traffic()
	began := time.Now()
	sync()
	took := time.Since(began)
	requestsAfter, rowsAfter := w.traffic()
	b.ReportMetric(float64(requestsAfter-requests), name+"-requests")
	b.ReportMetric(float64(rowsAfter-rows), name+"-rows")
	b.ReportMetric(took.Seconds(), name+"-s")
}

func (w *estate) traffic() (requests, rows int) {
	all := w.remote.SyncRequests()
	for _, r := range all {
		rows += len(r.Rows)
	}
	return len(all), rows
}

// officially is the official algorithm. Its store is a copy of ours under keys
// of its own, as plain as can be: read everything, write everything.
func (w *estate) officially(b *testing.B) {
	b.Helper()
	for n, connection := range w.connections {
		rows, _, err := w.ledger.List(b.Context(), organization(n), state.Page{Limit: w.members})
		jobstest.Must(b, err)
		var answers []cloud.RowAnswer
		for len(rows) > 0 {
			batch := rows[:min(batchSize, len(rows))]
			rows = rows[len(batch):]
			answered, err := w.client.Sync(b.Context(), officialRequest(connection, batch))
			jobstest.Must(b, err)
			answers = append(answers, answered...)
		}
		w.storeAnswers(b, organization(n), answers)
	}
}

func officialRequest(c state.Connection, rows []sponsorship.Sponsorship) cloud.SyncRequest {
	r := cloud.SyncRequest{BillingSyncKey: c.BillingSyncToken, CloudOrganizationID: string(c.CloudOrganizationID)}
	for _, s := range rows {
		r.Rows = append(r.Rows, cloud.Row{UserID: string(s.UserID), Name: s.Name, Email: s.Email})
	}
	return r
}

func (w *estate) storeAnswers(b *testing.B, org sponsorship.ID, answers []cloud.RowAnswer) {
	b.Helper()
	pipe := w.rdb.Pipeline()
	for _, a := range answers {
		text, err := json.Marshal(a)
		jobstest.Must(b, err)
		pipe.HSet(b.Context(), "official:"+string(org), a.UserID, text)
	}
	_, err := pipe.Exec(b.Context())
	jobstest.Must(b, err)
}

func (w *estate) wake(b *testing.B, org sponsorship.ID) error {
	_, err := enqueue.NewSystem(w.jobs).Left(b.Context(), org, "1")
	return err
}

func (w *estate) schedule(b *testing.B, org sponsorship.ID) error {
	_, err := enqueue.NewSystem(w.jobs).Scheduled(b.Context(), org, time.Now())
	return err
}

// syncAll asks for a sync of every organization and runs the cloud queue, as a
// worker does, until all are done.
func (w *estate) syncAll(b *testing.B, ask func(*testing.B, sponsorship.ID) error) {
	b.Helper()
	all := newCountdown(len(w.connections))
	server, err := queue.NewServer(queue.Params{
		Redis: w.rdb, Registry: w.syncs(b), Queue: jobs.QueueCloud, Concurrency: cloudConcurrency,
		Curve: curve(), Log: logger(),
		Observe: func(_, outcome string, _ time.Duration) {
			if outcome == queue.OutcomeDone {
				all.down()
			}
		},
	})
	jobstest.Must(b, err)
	var group errgroup.Group
	for n := range w.connections {
		group.Go(func() error { return ask(b, organization(n)) })
	}
	jobstest.Must(b, group.Wait())
	measure(b, all, server.Run)
	for n := range w.connections {
		counts, err := w.ledger.Counts(b.Context(), organization(n))
		jobstest.Must(b, err)
		if counts[sponsorship.Sent] != int64(w.members) {
			b.Fatalf("organization %d: %v, want %d sent", n, counts, w.members)
		}
	}
}

// syncs is the registry of a cloud queue.
func (w *estate) syncs(b *testing.B) *queue.Registry {
	b.Helper()
	syncs, err := reconcile.New(reconcile.Params{
		Ledger: w.ledger, Cloud: w.client, BatchSize: batchSize, Life: time.Minute, Interval: 24 * time.Hour, Curve: curve(),
		Linger: 50 * time.Millisecond, Rand: rand.Float64, NewToken: uuid.NewString, Log: logger(),
	})
	jobstest.Must(b, err)
	registry := queue.NewRegistry()
	queue.Handle(registry, syncs.SyncManual)
	queue.Handle(registry, syncs.SyncScheduled)
	queue.Handle(registry, syncs.SyncLeft)
	queue.Handle(registry, func(context.Context, jobs.Job[jobs.SyncLicense]) error { return fmt.Errorf("no licenses here") })
	return registry
}
