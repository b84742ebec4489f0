package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Database is the server's own. Its errors are faults: bridge_database_unavailable,
// bridge_schema_unknown or bridge_database_unsafe.
type Database interface {
	// Changed returns the organizations that may differ since the last call; the first
	// call, and one every few minutes, returns all.
	Changed(ctx context.Context) ([]sponsorship.ID, error)
	Read(ctx context.Context, org sponsorship.ID) (vault.Snapshot, error)
	// Write makes one change, if the row is still what it was.
	Write(ctx context.Context, org sponsorship.ID, w vault.Write) (vault.Outcome, error)
}

// Queue takes jobs; see [NewQueue].
type Queue interface {
	// Send puts jobs in, those of one sponsorship in their order. A job that is there
	// already is no error.
	Send(ctx context.Context, all []merge.Job) error
	// Open returns, of those jobs of an organization that have reached the queue, whether
	// they are still to end.
	Open(ctx context.Context, org sponsorship.ID, ids []string) (map[string]bool, error)
	// WakeNow is as in package enqueue's System.
	WakeNow(ctx context.Context, org sponsorship.ID, generation string) error
}

// Params are what a bridge is made of. All but Log and Metrics are required.
type Params struct {
	Database Database
	Queue    Queue
	Ledger   *state.Ledger
	Memory   *memory.Store
	Rules    merge.Rules // all but Digest, which is the memory's
	Holder   memory.Holder
	Interval time.Duration // between two questions whether anything changed
	Now      func() time.Time
	Log      zerolog.Logger
	Metrics  Metrics
}

// Metrics hears of the bridge's work. Any function may be nil.
type Metrics struct {
	Looked   func()                             // one organization was looked at to the end
	Failed   func(code string)                  // a look came to nothing
	Enqueued func(kind string)                  // one job was put in, or was there already
	Wrote    func(what string, o vault.Outcome) // one row of the vault was to be changed: "update" or "delete"
	Working  func(holdsLease bool)              // at each round
	Round    func(error)                        // how a round of [Bridge.Run] ended, as [Bridge.Once] says
}

// Bridge follows one database. Use it from one goroutine.
type Bridge struct {
	p      Params
	due    map[sponsorship.ID]time.Time // when to look at an organization
	pulse  map[sponsorship.ID]string    // of the ledger at the last look; only where the vault is told of it
	told   map[sponsorship.ID]string    // the failure that was last logged; "" is that of all
	broken map[sponsorship.ID]time.Time // since when its tables can't be understood
	waits  bool                         // another bridge works
}

// New returns a bridge that has not looked yet.
func New(p Params) *Bridge {
	return &Bridge{
		p: p, due: map[sponsorship.ID]time.Time{},
		pulse: map[sponsorship.ID]string{}, told: map[sponsorship.ID]string{}, broken: map[sponsorship.ID]time.Time{},
	}
}

// Run looks at each interval until ctx ends; then it returns nil. A database or a Redis that is
// away costs nothing but time.
func (b *Bridge) Run(ctx context.Context) error {
	defer b.Leave(ctx)
	for {
		err := b.Once(ctx) // it has been told, and the next round tries again
		if b.p.Metrics.Round != nil {
			b.p.Metrics.Round(err)
		}
		if jobs.Sleep(ctx, b.p.Interval) != nil {
			return nil
		}
	}
}

// ErrElsewhere says that another bridge works just now.
var ErrElsewhere = errors.New("another bridge works just now")

// Once makes one round: it looks at all organizations that may differ, or at those named only. What fails is
// noted, logged once, and tried again by the next round. It returns nil when all looks came to
// their end, and [ErrElsewhere] while another bridge works.
func (b *Bridge) Once(ctx context.Context, only ...sponsorship.ID) error {
	taken, err := b.p.Memory.Take(ctx, b.p.Holder)
	if err != nil {
		b.tell(ctx, "", err)
		return err
	}
	if b.p.Metrics.Working != nil {
		b.p.Metrics.Working(taken)
	}
	if b.waits != !taken {
		b.waits = !taken
		b.p.Log.Info().Bool("works", taken).Msg("one bridge works at a time, however many run")
	}
	if !taken {
		return ErrElsewhere
	}
	work, release := b.hold(ctx)
	defer release()
	return b.round(work, only)
}

// Leave gives the lease back, so that another bridge need not wait for its end.
func (b *Bridge) Leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	if err := b.p.Memory.Leave(ctx, b.p.Holder); err != nil {
		b.p.Log.Warn().Err(err).Msg("another bridge begins a little later")
	}
}

const leaveTimeout = 2 * time.Second

// hold keeps the lease until it is released. The context that it returns ends when the lease may
// have been lost.
func (b *Bridge) hold(ctx context.Context) (context.Context, func()) {
	work, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for failures := 0; failures < renewals && jobs.Sleep(work, renewal) == nil; failures++ {
			if b.renew(work) {
				failures = -1
			}
		}
		cancel()
	}()
	return work, func() { cancel(); <-ended }
}

// Renewals that fail in a row, each given up after a while, end before the lease does.
const (
	renewal  = memory.Life / 6
	renewals = 2
)

func (b *Bridge) renew(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, renewal)
	defer cancel()
	taken, err := b.p.Memory.Take(ctx, b.p.Holder)
	return err == nil && taken
}
