package reconcile

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// cleanupTimeout bounds the writes that follow an end: the session's own context may
// be over by then.
const cleanupTimeout = 5 * time.Second

// uncountedDelay is how soon a sync looks again whether the workers are counted.
const uncountedDelay = time.Second

// fail records why the round failed, gives the lease back, and returns what
// should become of the job.
func (r *round) fail(parent context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), cleanupTimeout)
	defer cancel()
	var f *fault.Error
	var notYet *cloud.NotYet
	switch {
	case errors.Is(err, ledger.ErrLeaseLost):
		return err
	case errors.As(err, &notYet): // our own limit: no failure, and nothing to tell
		return r.again(ctx, notYet.After, notYet)
	case fault.CodeOf(err) == fault.Paused:
		if _, err := r.release(ctx, r.session, ledger.Leave{Anyway: true}); err != nil {
			return err
		}
		return err
	case errors.Is(err, ledger.ErrUncounted):
		return r.again(ctx, uncountedDelay, err)
	case errors.Is(err, errGiveWay):
		return r.again(ctx, 0, err)
	case fault.CodeOf(err) == fault.StoreFull: // it would only add an event
		return r.again(ctx, fullDelay, err)
	case parent.Err() != nil, !errors.As(err, &f), f.Code == fault.QueueUnavailable:
		// A shutdown, or our own trouble: nothing to tell the admin of this organization.
		_, _ = r.release(ctx, r.session, ledger.Leave{Anyway: true})
		return err
	}
	org := r.session.Organization
	delay := jobs.Backoff(org.Failures+1, r.p.Curve, r.p.Rand())
	var answer *cloud.Error
	serverError := false
	if errors.As(err, &answer) {
		delay, serverError = max(delay, answer.RetryAfter), answer.ServerError
	}
	event, encodeErr := r.event(f)
	if encodeErr != nil {
		return encodeErr
	}
	r.log(f, org, delay)
	superseded, failErr := r.session.Fail(ctx, ledger.Failed{
		Fault: f, RetryIn: delay, Pause: f.Code.NeedsAdmin(), ServerError: serverError, Caution: r.caution, Most: r.most, Event: event,
	})
	switch {
	case failErr != nil:
		return failErr
	case superseded:
		return jobs.Snooze(busyDelay, "the connection was saved anew while this sync used the old one")
	}
	return jobs.RetryAfter(delay, err)
}

// again gives the lease back and lets the job come again: nothing has failed.
func (r *round) again(ctx context.Context, delay time.Duration, why error) error {
	if _, err := r.release(ctx, r.session, ledger.Leave{Anyway: true}); err != nil {
		return err
	}
	return jobs.Snooze(delay, why.Error())
}

func (r *round) log(f *fault.Error, org state.Organization, delay time.Duration) {
	line := r.p.Log.Warn().Stringer("organization", org.ID).Str("trigger", string(r.trigger)).
		Str("code", string(f.Code)).Str("error", f.Message).Str("hint", f.Hint()).Int("failures", org.Failures+1)
	if f.Code.NeedsAdmin() {
		line.Msg("sync failed; no automatic attempt for this organization until its connection is saved again or a sync is started by hand")
		return
	}
	line.Dur("retry_in", delay).Msg("sync failed, will be tried again")
}

// disabled records that cloud communication is switched off. Nothing is paused:
// after the switch and a restart, work goes on by itself. Where a person is waited
// for, that stays told.
func (r *Reconciler) disabled(ctx context.Context, org sponsorship.ID, trigger ledger.Trigger, off error) error {
	f := fault.Wrap(fault.CodeOf(off), off, "sync of organization %s: cloud communication is switched off on this server", org)
	begun, err := r.begin(ctx, org, false)
	switch {
	case err != nil:
		return err
	case begun.Session == nil:
		return r.outcome(trigger, f)
	case begun.Session.Organization.Paused != "":
		_, err = r.release(ctx, begun.Session, ledger.Leave{Anyway: true})
	default:
		err = r.failDisabled(ctx, begun.Session, trigger, f)
	}
	if err != nil {
		return err
	}
	return r.outcome(trigger, f)
}

func (r *Reconciler) failDisabled(ctx context.Context, s *ledger.Session, trigger ledger.Trigger, f *fault.Error) error {
	round := &round{Reconciler: r, visit: &visit{}, session: s, trigger: trigger, began: s.Now()}
	event, err := round.event(f)
	if err != nil {
		return err
	}
	_, err = s.Fail(ctx, ledger.Failed{
		Fault: f, Uncounted: true, Caution: s.Caution(), Most: s.Most(), Event: event,
	})
	return err
}

func occasion(s *ledger.Session) string { return strconv.FormatInt(s.EventNumber(), 10) }
