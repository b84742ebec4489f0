package intake

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	firstPause = time.Millisecond
	// lastPause ends the wait in place, a tenth of a second in all: a job that
	// runs is done by then, and for another one no handler should be kept.
	lastPause = 64 * time.Millisecond
	// near is how many jobs ahead are worth a handler: as many as run at once.
	near = 16
	// perJob is what a job further back allows each of those ahead.
	perJob = 20 * time.Millisecond
	// shortSnooze is the least that the queue can put a job off by.
	shortSnooze = time.Second
	// longSnooze bounds every wait. A job whose turn comes early is called.
	longSnooze = time.Minute
)

// patience is how long a job has waited in place for those ahead.
type patience struct {
	pause  time.Duration
	before int // how many are ahead
}

func blocker(s sponsorship.Sponsorship, jobID string) record.Blocker {
	return record.Blocker{ID: jobID, Organization: s.OrganizationID, User: s.UserID}
}

// await lets the job ahead go first. It returns nil when it is worth another try
// now, and otherwise what should become of this job.
func (h *Intake) await(ctx context.Context, p *patience, first record.Blocker) error {
	ahead, err := h.p.Line.Ahead(ctx, first)
	if err != nil || ahead.Gone {
		return err
	}
	snooze := shortSnooze + time.Duration(p.before)*perJob
	if !ahead.Next.IsZero() {
		snooze += max(ahead.Next.Sub(h.p.Ledger.Now(first.Organization)), 0) // what waits is dated by that clock
	}
	p.pause = max(2*p.pause, firstPause)
	if !ahead.Next.IsZero() || p.before > near || p.pause > lastPause {
		return jobs.Snooze(min(snooze, longSnooze), "an earlier job for the same sponsorship takes effect first")
	}
	return jobs.Sleep(ctx, p.pause)
}
