package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
	"github.com/sponsorsync/sponsorsync/worker/internal/monitor"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
	"github.com/sponsorsync/sponsorsync/worker/internal/relay"
	"github.com/sponsorsync/sponsorsync/worker/internal/sweep"
)

// handlers are what carries out the jobs of every kind.
type handlers struct {
	intake   *intake.Intake
	syncs    *reconcile.Reconciler
	licenses *license.Syncer
	sweeper  *sweep.Sweeper
}

func (w *worker) newHandlers() (h handlers, err error) {
	remote, err := w.newCloud()
	if err != nil {
		return h, err
	}
	if h.intake, err = intake.New(intake.Params{Ledger: w.pipelined.ledger, Waker: w.jobs, Line: w.jobs}); err != nil {
		return h, err
	}
	if h.syncs, err = w.newReconciler(remote); err != nil {
		return h, err
	}
	if h.licenses, err = w.newLicenses(remote); err != nil {
		return h, err
	}
	h.sweeper, err = sweep.New(sweep.Params{
		Ledger: w.ledger, Enqueuer: w.jobs, Interval: w.cfg.Schedule.SweepInterval, Grace: stuckAfter, Rate: w.cfg.Cloud.Rate,
		CloudEnabled: w.cfg.Cloud.Enabled, SyncInterval: w.cfg.Schedule.SyncInterval, ForgetAfter: w.cfg.ForgetAfter, Trim: queue.Trimmer(w.rdb, w.clock, w.log), Log: w.log,
	})
	return h, err
}

// registry names the handler of every kind; a queue refuses to start without one.
func (h handlers) registry() *queue.Registry {
	r := queue.NewRegistry()
	queue.Handle(r, h.intake.Redeem)
	queue.HandleTogether(r, h.intake.RedeemAll)
	queue.Handle(r, h.intake.ChangeSponsorship)
	queue.Handle(r, h.intake.Adopt)
	queue.Handle(r, h.syncs.SyncManual)
	queue.Handle(r, h.syncs.SyncScheduled)
	queue.Handle(r, h.syncs.SyncPending)
	queue.Handle(r, h.syncs.SyncLeft)
	queue.Handle(r, h.licenses.Sync)
	queue.Handle(r, h.sweeper.Sweep)
	return r
}

func (w *worker) newReconciler(remote remote) (*reconcile.Reconciler, error) {
	return reconcile.New(reconcile.Params{
		Ledger: w.ledger, Cloud: remote, BatchSize: w.cfg.BatchSize, Interval: w.cfg.Schedule.SyncInterval,
		Life:  w.cfg.Cloud.Timeout + w.cfg.Cloud.Grace,
		Curve: w.curve(), Linger: 50 * time.Millisecond, Now: now, Rand: rand.Float64, NewToken: uuid.NewString,
		Log: w.log, Observe: w.metrics.Synced, Waiting: w.jobs.Waiting,
	})
}

func (w *worker) newLicenses(remote remote) (*license.Syncer, error) {
	installation, _ := sponsorship.ParseID(w.cfg.Cloud.InstallationID) // config has checked it
	params := license.CheckerParams{InstallationID: installation, Now: now}
	if path := w.cfg.License.CertFile; path != "" {
		key, err := license.LoadCertificate(path)
		if err != nil {
			return nil, err
		}
		params.Key = key
	}
	checker, err := license.NewChecker(params)
	if err != nil {
		return nil, err
	}
	return license.New(license.Params{
		Ledger: w.ledger, Cloud: remote, Verify: checker.Check, Store: license.NewStore(w.cfg.License.Dir),
	})
}

// remote is all that handlers ask of the cloud.
type remote interface {
	reconcile.Cloud
	license.Cloud
}

// heldLimiter lets nothing leave while an older worker lives, whenever that started.
type heldLimiter struct {
	cloud.Limiter
	older func() string
}

// Wait implements [cloud.Limiter].
func (l heldLimiter) Wait(ctx context.Context, lane cloud.Lane) error {
	if why := l.older(); why != "" {
		return &cloud.NotYet{After: registry.Interval, Why: why}
	}
	return l.Limiter.Wait(ctx, lane)
}

// newCloud makes no client when cloud communication is switched off: then
// nothing in the process could call the cloud.
func (w *worker) newCloud() (remote, error) {
	if !w.cfg.Cloud.Enabled {
		w.log.Warn().Msg("cloud communication is switched off: jobs that need the cloud will fail; set globalSettings__enableCloudCommunication=true")
		return cloud.Disabled{}, nil
	}
	limiter, err := cloud.NewLimiter(cloud.LimiterParams{
		Redis: w.rdb, Rate: w.cfg.Cloud.Rate, Burst: w.cfg.Cloud.Burst, Now: now, Waited: w.metrics.Waited,
	})
	if err != nil {
		return nil, err
	}
	sealer, err := boot.Sealer(w.cfg.EncryptionKeys)
	if err != nil {
		return nil, err
	}
	c := w.cfg.Cloud
	return cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: c.IdentityURI, APIURI: c.APIURI, InstallationID: c.InstallationID,
			InstallationKey: c.InstallationKey, Version: boot.Version(), Timeout: c.Timeout,
		},
		Tokens:  cloud.SharedTokens{Redis: w.rdb, Sealer: sealer, Now: now},
		Limiter: heldLimiter{limiter, w.guard.Older}, Now: now, Rand: rand.Float64, Log: w.log, Observe: w.metrics.CloudRequest, Traces: w.traces,
	})
}

func (w *worker) newMonitor() (*monitor.Monitor, error) {
	return monitor.New(monitor.Params{
		Listen: w.cfg.Listen, Metrics: w.metrics, Redis: w.rdb, Ledger: w.ledger.Ledger, Log: w.log, Now: now,
		NATS: func() error { return events.Health(w.js.Conn()) }, Older: w.guard.Older,
	})
}

// startRelay moves events from the outbox to NATS until stop is called, which
// waits for the last pass.
func (w *worker) startRelay(parent context.Context) (stop func(), err error) {
	r, err := relay.New(relay.Params{
		Outbox: w.ledger, Publisher: events.NewPublisher(w.js, streamSettings(w.cfg.NATS)),
		Shards: state.Shards, Log: w.log, Metrics: w.metrics.Relay(), Rand: rand.Float64,
		News: w.ledger.News, Traces: w.traces,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return func() { cancel(); <-done }, nil
}

func streamSettings(n config.NATS) events.Settings {
	return events.Settings{Replicas: n.Replicas, MaxBytes: int64(n.StreamBytes)}
}
