package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

const (
	// fairShare is how many requests a job makes before it goes behind others.
	fairShare = 10
	// shortBackoff is the longest one that an automatic job waits out in its
	// queue. After an outage the sweeps take up the others, at a rate below the
	// limit; thousands of retries would stand in front of everybody.
	shortBackoff = 10 * time.Second
)

// errGiveWay ends a session in favor of jobs that wait for a handler.
var errGiveWay = errors.New("others wait for a handler; this sync goes on where it was when its turn comes again")

// visit is one job's time with an organization.
type visit struct {
	queue jobs.Queue // in which the job came
	sent  int        // requests
}

func visitOf(t ledger.Trigger) *visit {
	if t == ledger.Scheduled {
		return &visit{queue: jobs.QueueCloud}
	}
	return &visit{queue: jobs.QueueUrgent}
}

// lane is asked while the round waits for its turn. Urgent is what somebody waits
// for: a job of the urgent queue in its first requests, and any in which a wish has
// arrived since. Not a full sync that goes on, nor what has failed before.
func (r *round) lane(ctx context.Context) (urgent bool, err error) {
	if err := r.stopped(ctx, r.session.Organization.ID); err != nil {
		return false, err
	}
	fresh, err := r.session.FreshDue(ctx)
	if err != nil || fresh {
		return fresh, err
	}
	if r.sent < fairShare {
		return r.queue == jobs.QueueUrgent && !r.resumed() && (r.trigger == ledger.Manual || r.session.Organization.Failures == 0), nil
	}
	waiting, err := r.p.Waiting(ctx, r.queue)
	if err == nil && waiting > 0 {
		err = errGiveWay
	}
	return false, err
}

// resumed: the round goes on with a full sync that another session began.
func (r *round) resumed() bool { return r.full && r.session.Resumed() }

// leave hands an automatic job that would wait for long over to the sweeps: the
// ledger knows when it is due again.
func (r *Reconciler) leave(err error) error {
	if delay, asked := jobs.Delay(err); asked && delay > shortBackoff {
		return nil
	}
	return err
}
