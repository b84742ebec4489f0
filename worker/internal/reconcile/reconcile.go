// Package reconcile is the sync of one organization: the only thing that talks
// to the cloud about sponsorships.
//
// A session holds the organization's lease. In rounds it takes what is due and,
// if a full sync was asked for, everything else; plans rows, stores that they
// are about to leave, sends them, and applies the answers; until nothing is
// left. Whatever piles up while a request is under way travels in the next one.
//
// Deciding is pure and lives in jobs/sponsorship and in batch.go; storing is
// jobs/state. The package never enqueues a job and never retries by itself: it
// returns what should become of the job, and the ledger remembers the rest.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// Cloud is what a sync needs of the cloud.
type Cloud interface {
	// Allowed returns a fault while this server may not call the cloud at all.
	Allowed() error
	// Turn waits until the next Sync may leave.
	Turn(ctx context.Context, lane cloud.Lane) error
	Sync(ctx context.Context, r cloud.SyncRequest) ([]cloud.RowAnswer, error)
}

// Params are a Reconciler's parts; all are required but Linger, Now and Observe.
type Params struct {
	Ledger    *ledger.Ledger
	Cloud     Cloud
	BatchSize int           // rows per request
	Life      time.Duration // how long the cloud may be at work on one request: its timeout and a grace
	Interval  time.Duration
	Curve     jobs.Curve
	Linger    time.Duration    // how long a batch that is still growing waits for more, at a time
	Now       func() time.Time // this machine's clock; default time.Now
	Rand      func() float64
	NewToken  func() string // names a lease's holder; never the same twice
	Log       zerolog.Logger
	Observe   func(org sponsorship.ID, at time.Time) // told of every success; may be nil
	// Waiting counts the jobs that wait in a queue; nil: none ever does.
	Waiting func(ctx context.Context, q jobs.Queue) (int, error)
}

// Reconciler syncs organizations, any number at a time.
type Reconciler struct{ p Params }

// New returns an error when a part is missing.
func New(p Params) (*Reconciler, error) {
	switch {
	case p.Ledger == nil, p.Cloud == nil, p.Rand == nil, p.NewToken == nil:
		return nil, errors.New("make reconciler: a ledger, a cloud, a clock, randomness and lease tokens are needed")
	case p.BatchSize < 1, p.Interval <= 0, p.Life <= 0:
		return nil, fmt.Errorf("make reconciler: %d rows per request, every %v, each at work for %v", p.BatchSize, p.Interval, p.Life)
	case p.Curve.Base <= 0 || p.Curve.Max < p.Curve.Base:
		return nil, fmt.Errorf("make reconciler: backoff from %v to %v", p.Curve.Base, p.Curve.Max)
	case p.Observe == nil:
		p.Observe = func(sponsorship.ID, time.Time) {}
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Waiting == nil {
		p.Waiting = func(context.Context, jobs.Queue) (int, error) { return 0, nil }
	}
	return &Reconciler{p}, nil
}

// busyDelay is how soon a full sync looks again while another sync is at work.
const busyDelay = time.Second

// Full carries out a full sync that a person or the schedule asked for with a
// job. Running it twice for one job does no more than once.
func (r *Reconciler) Full(ctx context.Context, org sponsorship.ID, jobID string, trigger ledger.Trigger) error {
	return r.full(ctx, org, ledger.Request{JobID: jobID, Trigger: trigger})
}

func (r *Reconciler) full(ctx context.Context, org sponsorship.ID, asked ledger.Request) error {
	trigger := asked.Trigger
	if off := r.p.Cloud.Allowed(); off != nil {
		return r.disabled(ctx, org, trigger, off)
	}
	request, err := r.p.Ledger.RequestFull(ctx, org, asked)
	switch {
	case err != nil || request.Done || request.Denied:
		return err
	case request.Refused != nil:
		return jobs.Refused(request.Refused)
	}
	if err := r.stopped(ctx, org); err != nil {
		return r.outcome(trigger, err)
	}
	begun, err := r.begin(ctx, org, trigger != ledger.Manual)
	switch {
	case err != nil:
		return err
	case begun.Busy:
		return jobs.Snooze(busyDelay, "another sync of this organization is running and takes this one along")
	case begun.Session == nil:
		return r.notNow(begun)
	}
	err = r.run(ctx, begun.Session, visitOf(trigger))
	if errors.Is(err, ledger.ErrLeaseLost) {
		return jobs.Snooze(busyDelay, "another sync has taken over this organization")
	}
	if later, ok := errors.AsType[*waits](err); ok {
		return jobs.Snooze(later.after, later.Error())
	}
	return r.outcome(trigger, err)
}

// Pending sends what is due, and carries on a full sync that was interrupted.
func (r *Reconciler) Pending(ctx context.Context, org sponsorship.ID) error {
	return r.pending(ctx, org, &visit{queue: jobs.QueueUrgent})
}

func (r *Reconciler) pending(ctx context.Context, org sponsorship.ID, v *visit) error {
	if off := r.p.Cloud.Allowed(); off != nil {
		return r.disabled(ctx, org, ledger.Pending, off)
	}
	if err := r.stopped(ctx, org); err != nil {
		return r.outcome(ledger.Pending, err)
	}
	begun, err := r.begin(ctx, org, true)
	switch {
	case err != nil || begun.Busy: // whoever holds the lease takes along what is due
		return err
	case begun.Session == nil:
		return r.notNow(begun)
	}
	err = r.run(ctx, begun.Session, v)
	if _, later := errors.AsType[*waits](err); later || errors.Is(err, ledger.ErrLeaseLost) {
		return nil // the sweep wakes it then; or whoever took over goes on
	}
	return r.outcome(ledger.Pending, err)
}

func (r *Reconciler) begin(ctx context.Context, org sponsorship.ID, automatic bool) (ledger.Begun, error) {
	return r.p.Ledger.Begin(ctx, org, ledger.Attempt{Token: r.p.NewToken(), Automatic: automatic})
}

// notNow keeps an outage from being hammered by every new intent, and leaves
// alone an organization that waits for a person.
func (r *Reconciler) notNow(b ledger.Begun) error {
	if b.Early == 0 {
		return nil
	}
	return r.leave(jobs.Snooze(b.Early, "the organization's next attempt is not due yet"))
}

// outcome turns a session's error into the job's. A person's job that needs a
// person is dead; an automatic one has nobody to tell but the ledger, which
// knows already.
func (r *Reconciler) outcome(trigger ledger.Trigger, err error) error {
	code := fault.CodeOf(err)
	needsPerson := code.NeedsAdmin() || code == fault.PlanNotEligible
	switch {
	case err == nil:
		return nil
	case code == fault.Paused && trigger == ledger.Manual:
		return jobs.Snooze(stoppedLook, err.Error())
	case code == fault.Paused: // it is due still, and the sweeps find it
		return nil
	case (needsPerson || code == fault.CloudRecordsDamaged) && trigger == ledger.Manual:
		return jobs.Permanent(err)
	case needsPerson:
		return nil
	case trigger != ledger.Manual:
		return r.leave(err)
	}
	return err
}

// run works with the lease in hand until nothing is left, and gives it back.
func (r *Reconciler) run(ctx context.Context, s *ledger.Session, v *visit) error {
	if org := s.Organization; org.Paused != "" { // paused since a person's job began to wait for its turn
		_, err := r.release(ctx, s, ledger.Leave{Anyway: true})
		if err == nil && org.LastError != nil {
			err = &org.LastError.Error
		}
		return err
	}
	beating, stop := heartbeat(ctx, s)
	defer stop()
	for {
		round := r.newRound(s, v)
		if err := round.run(beating); err != nil {
			stop()
			return round.fail(ctx, cause(beating, err))
		}
		done, err := r.release(ctx, s, ledger.Leave{Anyway: ctx.Err() != nil, Waits: round.waits})
		switch {
		case err != nil:
			return err
		case done && round.full && round.waits != nil:
			return &waits{until: *round.waits, after: round.waits.Sub(s.Now())}
		case done && round.told != nil:
			return round.told
		case done:
			return nil
		}
	}
}

// waits says that a full sync is not answered for all rows yet, and is not sent on
// before a time.
type waits struct {
	until time.Time
	after time.Duration // from now
}

func (w *waits) Error() string {
	return "the cloud did not answer a request and may still be at work on it; its sponsorships are sent again at " + w.until.UTC().Format(time.RFC3339)
}

// release gives the lease back also when the context has ended: it would keep
// the organization waiting.
func (r *Reconciler) release(parent context.Context, s *ledger.Session, leave ledger.Leave) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), cleanupTimeout)
	defer cancel()
	return s.Release(ctx, leave)
}

// cause prefers the reason why the context ended over "context canceled".
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && errors.Is(why, ledger.ErrLeaseLost) {
		return why
	}
	return err
}
