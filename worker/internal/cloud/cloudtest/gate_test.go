package cloudtest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func TestHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stage cloudtest.Stage
		rows  int
	}{
		"before effect": {cloudtest.BeforeEffect, 0},
		"after effect":  {cloudtest.AfterEffect, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			gate := l.cloud.Hold(c.stage, nil)
			answered := l.background(row(uuid.NewString()))
			held, err := gate.Wait(l.ctx)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "rows sent", len(held.Rows), 1)
			l.is(c.rows, c.rows)
			equal(t, "in flight", l.cloud.Stats().Sync[l.org.ID].InFlight, 1)
			equal(t, "effect", l.cloud.SyncRequests()[0].Effect, c.rows == 1)
			gate.Release()
			gate.Release()
			equal(t, "status", (<-answered).status, http.StatusOK)
			l.is(1, 1)
			l.sync(row(uuid.NewString())) // an open gate holds nothing
		})
	}
}

func TestHoldMatches(t *testing.T) {
	t.Parallel()
	l := setup(t)
	other := l.cloud.AddOrganization()
	gate := l.cloud.Hold(cloudtest.BeforeEffect, func(r cloudtest.Request) bool { return r.OrganizationID == l.org.ID })
	first := l.background()
	if _, err := gate.Wait(l.ctx); err != nil {
		t.Fatal(err)
	}
	free := *l
	free.org = other
	free.sync()
	stats := l.cloud.Stats()
	equal(t, "most at once", stats.Paths[cloudtest.PathSync].MaxInFlight, 2)
	equal(t, "most of one organization", stats.Sync[l.org.ID].MaxInFlight, 1)
	gate.Release()
	equal(t, "status", (<-first).status, http.StatusOK)
}

func TestACallerThatHangsUpBeforeTheBodyIsReadLeavesNoTrace(t *testing.T) {
	t.Parallel()
	l := setup(t)
	gate := l.cloud.Hold(cloudtest.BeforeEffect, nil)
	hasty := *l
	hasty.bearer = l.token("api.installation")
	ctx, cancel := context.WithCancel(l.ctx)
	hasty.ctx = ctx
	answered := hasty.background(row(uuid.NewString()))
	if _, err := gate.Wait(l.ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if r := <-answered; r.err == nil {
		t.Errorf("status %d, want an error", r.status)
	}
	l.eventually("request ended", func() bool { return l.cloud.Stats().Total.InFlight == 0 })
	gate.Release()
	l.is(0, 0)
	equal(t, "effect", l.cloud.SyncRequests()[0].Effect, false)
}

// eventually polls until the condition holds or the lab's deadline has passed.
func (l *lab) eventually(what string, holds func() bool) {
	l.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-l.ctx.Done():
			l.Fatalf("%s: still not so", what)
		}
	}
}

func TestCloseOpensGates(t *testing.T) {
	t.Parallel()
	l := setup(t)
	gate := l.cloud.Hold(cloudtest.AfterEffect, nil)
	answered := l.background()
	if _, err := gate.Wait(l.ctx); err != nil {
		t.Fatal(err)
	}
	if err := l.cloud.Close(); err != nil {
		t.Fatal(err)
	}
	if r := <-answered; r.err == nil {
		t.Errorf("status %d, want an error", r.status)
	}
}

func TestOnSyncMayChangeTheWorldMidRequest(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user, _ := l.offered()
	l.cloud.OnSync(func(_ context.Context, r cloudtest.Request) {
		if _, err := l.cloud.Accept(r.OrganizationID, r.Rows[0].OrganizationUserID); err != nil {
			t.Errorf("accept: %v", err)
		}
	})
	equal(t, "redeemed meanwhile", l.sync(row(user))[0]["validUntil"] != nil, true)
	l.cloud.OnSync(nil)
	l.sync(row(user))
}
