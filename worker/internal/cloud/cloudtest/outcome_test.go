package cloudtest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func TestAFaultEndsTheRequestAtItsStage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault       cloudtest.Fault
		status      int
		page        bool
		rows, mails int
	}{
		"the cloud's own error before anything":   {cloudtest.ServerError(), 500, false, 0, 0},
		"the cloud's own error between the two":   {cloudtest.ServerError().At(cloudtest.Loaded), 500, false, 0, 0},
		"the cloud's own error after the insert":  {cloudtest.UnmailedError(), 500, false, 1, 0},
		"the cloud's own error after everything":  {cloudtest.ServerError().At(cloudtest.AfterEffect), 500, false, 1, 1},
		"a gateway that never passed it on":       {cloudtest.Gateway(503), 503, true, 0, 0},
		"a gateway that lost the answer":          {cloudtest.Gateway(502).At(cloudtest.AfterEffect), 502, true, 1, 1},
		"a connection reset after the insert":     {cloudtest.Reset().At(cloudtest.Inserted), 0, false, 1, 0},
		"an answer that breaks off after the 200": {cloudtest.BrokenAnswer(), 200, false, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.cloud.Inject(c.fault)
			r := l.try(row(uuid.NewString()))
			equal(t, "status", r.status, c.status)
			equal(t, "page", strings.HasPrefix(r.body, "<html>"), c.page)
			equal(t, "cut off", r.err != nil, c.status == 0 || c.status == 200)
			l.is(c.rows, c.mails)
			equal(t, "ended", l.cloud.SyncRequests()[0].EndedAt.IsZero(), false)
		})
	}
}

func TestAGatewayAnswersWhileTheCloudGoesOn(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user := uuid.NewString()
	released := make(chan struct{})
	timeout := cloudtest.Gateway(http.StatusGatewayTimeout).At(cloudtest.Loaded).GoingOn(0)
	timeout.Until = released
	l.cloud.Inject(timeout)
	equal(t, "status", l.try(row(user)).status, http.StatusGatewayTimeout)
	l.is(0, 0)
	entry := l.cloud.SyncRequests()[0]
	equal(t, "status in the ledger", entry.Status, http.StatusGatewayTimeout)
	equal(t, "still at work", entry.EndedAt.IsZero(), true)
	close(released)
	l.eventually("inserted and mailed", func() bool { return len(l.cloud.MailsFor(l.org.ID, user)) == 1 })
}

func TestSilenceLastsUntilTheCallerHangsUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault cloudtest.Fault
		rows  int
	}{
		"nothing done":    {cloudtest.Silence(), 0},
		"everything done": {cloudtest.Silence().At(cloudtest.AfterEffect), 1},
		"goes on unseen":  {cloudtest.Silence().At(cloudtest.Loaded).GoingOn(0), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.cloud.Inject(c.fault)
			l.bearer = l.token("api.installation")
			hasty := *l
			ctx, cancel := context.WithCancel(l.ctx)
			hasty.ctx = ctx
			answered := hasty.background(row(uuid.NewString()))
			l.eventually("ended", func() bool {
				requests := l.cloud.SyncRequests()
				return len(requests) == 1 && !requests[0].EndedAt.IsZero()
			})
			cancel()
			if r := <-answered; r.err == nil {
				t.Errorf("status %d, want an error", r.status)
			}
			l.is(c.rows, c.rows)
		})
	}
}

// within runs a test against a cloud in memory, in time that costs nothing.
func within(t *testing.T, test func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(setup(t, func(o *cloudtest.Options) { o.InProcess, o.Now = true, time.Now }))
	})
}

func TestDelaysAreMeasuredInTheTimeOfABubble(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  cloudtest.Fault
		status time.Duration // until the status
		body   time.Duration // from there to the end of the body
	}{
		"before the cloud takes it up": {cloudtest.Slow(time.Minute), time.Minute, 0},
		"between load and insert":      {cloudtest.Stall(time.Minute), time.Minute, 0},
		"between insert and answer":    {cloudtest.Fault{Stage: cloudtest.Inserted, Delay: time.Minute}, time.Minute, 0},
		"before the status":            {cloudtest.SlowAnswer(time.Minute), time.Minute, 0},
		"in the body":                  {cloudtest.SlowBody(time.Minute), 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within(t, func(l *lab) {
				l.ctx = context.Background()
				l.sync()
				l.cloud.Inject(c.fault)
				began := time.Now()
				r := l.try(row(uuid.NewString()))
				equal(l.T, "status", r.status, http.StatusOK)
				equal(l.T, "status came after", r.at.Sub(began), c.status)
				equal(l.T, "body took", time.Since(r.at), c.body)
				l.is(1, 1)
			})
		})
	}
}

func TestARepeatAfterATimeoutOfThirtySecondsDoublesARowThatStalledForForty(t *testing.T) {
	t.Parallel()
	within(t, func(l *lab) {
		user := uuid.NewString()
		l.bearer = l.token("api.installation")
		l.cloud.Inject(cloudtest.Stall(40 * time.Second))
		hasty := *l
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		hasty.ctx = ctx
		if r := hasty.try(row(user)); r.err == nil {
			l.Errorf("status %d, want a timeout", r.status)
		}
		l.ctx = context.Background()
		l.sync(row(user))
		l.is(1, 1)
		time.Sleep(time.Minute)
		l.is(2, 2)
	})
}

func TestAScaledClockScalesStalls(t *testing.T) {
	t.Parallel()
	var l *lab
	l = setup(t, func(o *cloudtest.Options) {
		o.Sleep = func(_ context.Context, d time.Duration) { l.clock.Advance(d) }
	})
	began := l.clock.Now()
	l.cloud.Inject(cloudtest.Stall(time.Hour))
	l.sync(row(uuid.NewString()))
	equal(t, "took", l.clock.Now().Sub(began), time.Hour)
}
