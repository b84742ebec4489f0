package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	pollFirst = 50 * time.Millisecond
	pollMost  = time.Second
	pollPage  = 1000 // sponsorships read at once

	// quiet is how long nothing is said of a wait; then it is looked whether the
	// whole stands still, and after each such time again.
	quiet = 2 * time.Second
)

// waiter waits for what was enqueued, and says once a change why it still does.
type waiter struct {
	app  *app
	s    *session
	said map[sponsorship.ID]string
	// before is when each organization's last failure was when the wait began:
	// that one says nothing about what was enqueued since.
	before map[sponsorship.ID]time.Time
}

// newWaiter must be called before anything is enqueued.
func (a *app) newWaiter(ctx context.Context, s *session, orgs ...sponsorship.ID) (*waiter, error) {
	w := &waiter{app: a, s: s, said: map[sponsorship.ID]string{}, before: map[sponsorship.ID]time.Time{}}
	for _, id := range orgs {
		org, _, err := s.ledger.Organization(ctx, id)
		if err != nil {
			return nil, err
		}
		if org.LastError != nil {
			w.before[id] = org.LastError.At
		}
	}
	return w, nil
}

var errInterrupted = errors.New("interrupted while waiting")

// waitEnd tells why the wait for something ended before that came.
func waitEnd(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, boot.ErrTimedOut) {
		return err
	}
	return errInterrupted
}

// until looks, less and less often, until look reports true. An error before
// that is trouble of the moment: it is said, and the next look may do better.
func (w *waiter) until(ctx context.Context, look func() (bool, error)) error {
	looked := w.app.Now()
	for pause := pollFirst; ; pause = min(2*pause, pollMost) {
		done, err := look()
		if now := w.app.Now(); !done && err == nil && now.Sub(looked) >= quiet {
			looked = now
			w.say(everything, w.s.standstill(ctx, w.app.Now))
		}
		switch {
		case done:
			return err
		case ctx.Err() != nil:
			return &withHint{waitEnd(ctx), "what was enqueued is carried out all the same, by a worker; see 'producer status' and 'producer jobs show'"}
		case err != nil:
			w.say("", "cannot look, will look again: "+err.Error())
		}
		_ = jobs.Sleep(ctx, pause) // ctx is looked at after the next look
	}
}

// everything stands for the whole where an organization is named otherwise.
const everything sponsorship.ID = "*"

// say tells what is new about one organization, or with an empty id about all.
func (w *waiter) say(org sponsorship.ID, text string) {
	if text != "" && text != w.said[org] {
		w.app.note("%s", text)
	}
	w.said[org] = text
}

// enqueued is a job that is waited for.
type enqueued struct {
	org sponsorship.ID
	id  string
}

// job waits until a job is done. One that is dead or was
// refused is an error with its fault.
func (w *waiter) job(ctx context.Context, job enqueued) error {
	began := w.app.Now()
	return w.until(ctx, func() (bool, error) {
		long := w.app.Now().Sub(began) >= quiet
		status, found, err := w.s.inspector.Job(ctx, job.id)
		switch {
		case err != nil:
			return false, err
		case !found:
			return true, fmt.Errorf("job %s is not there any more: it was deleted, or retried under another id", job.id)
		case status.State == enqueue.StateDead, status.State == enqueue.StateRefused:
			return true, endError(status)
		case status.State == enqueue.StateDone:
			return true, nil
		case status.LastError != nil && status.LastError.Code == fault.Paused:
			w.say(job.org, pausedText)
		case status.State == enqueue.StateRetrying:
			return false, w.sayRetry(ctx, job, status)
		case long && status.State == enqueue.StateActive:
			w.say(job.org, "a worker is at work on it")
		case long && status.State == enqueue.StatePending:
			w.say(job.org, "it waits for its turn")
		}
		return false, nil
	})
}

// sayRetry tells why a job has not succeeded yet, and when it is tried again.
// Only of syncs does the ledger know the time.
func (w *waiter) sayRetry(ctx context.Context, job enqueued, status enqueue.Status) error {
	if status.LastError.Code == "" { // no failure of the sync: its turn has not come, or we are in trouble
		w.say(job.org, "not done yet: "+status.LastError.Message)
		return nil
	}
	next := "it is tried again by itself"
	org, _, err := w.s.ledger.Organization(ctx, job.org)
	if err != nil {
		return err
	}
	if status.Kind == jobs.KindSync && org.RetryAt != nil {
		next = "next attempt " + clock(*org.RetryAt)
	}
	w.say(job.org, fmt.Sprintf("attempt %d failed, %s: %s", status.Attempts, next, faultText(status.LastError)))
	return nil
}

func endError(job enqueue.Status) error {
	how := "failed for good"
	if job.State == enqueue.StateRefused {
		how = "was refused"
	}
	if job.LastError.Code == "" {
		return fmt.Errorf("%s job %s %s: %s", job.Kind, job.ID, how, job.LastError.Message)
	}
	return fmt.Errorf("%s job %s %s: %w", job.Kind, job.ID, how, job.LastError)
}

// settle waits until every sponsorship has its outcome, and tells each once.
func (w *waiter) settle(ctx context.Context, targets []target, tell func(target, outcome)) error {
	slices.SortStableFunc(targets, func(a, b target) int { return cmp.Compare(a.org, b.org) })
	return w.until(ctx, func() (bool, error) {
		var err error
		targets, err = w.round(ctx, targets, tell)
		return err == nil && len(targets) == 0, err
	})
}

// round looks at every target once and returns those without a outcome.
func (w *waiter) round(ctx context.Context, targets []target, tell func(target, outcome)) (open []target, err error) {
	for len(targets) > 0 {
		page := firstPage(targets)
		left, err := w.look(ctx, page, tell)
		if err != nil {
			return append(open, targets...), err
		}
		open, targets = append(open, left...), targets[len(page):]
	}
	return open, nil
}

// firstPage returns the first targets, as far as they are of one organization.
func firstPage(targets []target) []target {
	n := 1
	for n < min(len(targets), pollPage) && targets[n].org == targets[0].org {
		n++
	}
	return targets[:n]
}

// look reads one page and tells what is settled.
func (w *waiter) look(ctx context.Context, page []target, tell func(target, outcome)) (open []target, err error) {
	id := page[0].org
	// The organization is read first: a row that is pending after that was not
	// settled by whatever ended before.
	org, _, err := w.s.ledger.Organization(ctx, id)
	if err != nil {
		return nil, err
	}
	ids := make([]sponsorship.ID, len(page))
	for i, t := range page {
		ids[i] = t.id
	}
	rows, err := w.s.ledger.Get(ctx, id, ids...)
	if err != nil {
		return nil, err
	}
	for i, t := range page {
		v := outcomeOf(t, rows[i], organization{org, w.before[id]})
		if v.state == waiting {
			w.say(id, v.text)
			open = append(open, t)
			continue
		}
		tell(t, v)
	}
	return open, nil
}
