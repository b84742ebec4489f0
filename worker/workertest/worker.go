package workertest

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/internal/crash"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
	"github.com/sponsorsync/sponsorsync/worker/internal/sweep"
)

// Worker carries out jobs one by one.
type Worker struct {
	// Crash kills it.
	Crash *crash.Hook

	site    *Site
	rdb     *redis.Client
	ledger  *ledger.Ledger
	records *record.Store
	intake  *intake.Intake
	syncs   *reconcile.Reconciler
	sweeper *sweep.Sweeper
	cloud   *cloud.Client
}

// Worker starts another one.
func (s *Site) Worker(sealer *state.Sealer) *Worker {
	s.t.Helper()
	w := &Worker{site: s}
	w.rdb, w.Crash = s.Connect()
	w.ledger, w.records = ledger.New(w.rdb, sealer), record.New(w.rdb)
	line := enqueue.NewSystem(enqueue.New(w.rdb, enqueue.Options{Now: s.Now}))
	w.cloud = s.client()
	w.intake = jobstest.Value(intake.New(intake.Params{Ledger: w.ledger, Waker: line, Line: line}))(s.t)
	w.syncs = jobstest.Value(reconcile.New(reconcile.Params{
		Ledger: w.ledger, Cloud: w.cloud, BatchSize: 5, Life: life, Interval: day, Curve: jobs.Curve{Base: time.Second, Max: time.Minute},
		Now: s.Now, Rand: half, NewToken: s.lease, Log: zerolog.Nop(),
	}))(s.t)
	w.sweeper = jobstest.Value(sweep.New(sweep.Params{
		Ledger: w.ledger, Enqueuer: line, Interval: time.Minute, Grace: 10 * time.Second, CloudEnabled: true,
		SyncInterval: day, ForgetAfter: 90 * day, Trim: func(context.Context) error { return nil }, Log: zerolog.Nop(),
	}))(s.t)
	return w
}

const day = 24 * time.Hour

func half() float64 { return 0.5 }

func (s *Site) lease() string {
	s.leases++
	return fmt.Sprint("lease-", s.leases)
}

// client is the worker's own, without limit: that has tests of its own.
func (s *Site) client() *cloud.Client {
	s.t.Helper()
	client := jobstest.Value(cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: s.Cloud.URL(), APIURI: s.Cloud.URL(), InstallationID: s.account.ID, InstallationKey: secret.Text(s.account.Key),
			Timeout: jobstest.Timeout, OutagesToOpen: 1 << 30,
		},
		Limiter: unlimited{}, Now: s.Now, Rand: half, Log: zerolog.Nop(),
	}))(s.t)
	s.t.Cleanup(client.Close)
	return client
}

type unlimited struct{}

func (unlimited) Wait(context.Context, cloud.Lane) error      { return nil }
func (unlimited) PauseUntil(context.Context, time.Time) error { return nil }

// Sweep looks for what was left behind, and for the daily syncs.
func (w *Worker) Sweep(ctx context.Context) error {
	w.beat()
	return w.sweeper.Sweep(ctx, jobs.Job[jobs.Sweep]{})
}

// beat lets the worker look at the ledger's clock, as it does every few seconds.
func (w *Worker) beat() {
	w.site.t.Helper()
	jobstest.Must(w.site.t, w.Crash.Spare(func() error { return w.ledger.Beat(w.site.t.Context()) }))
}
