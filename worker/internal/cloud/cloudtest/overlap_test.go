package cloudtest_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// held starts a sync and waits until it has come to a halt at the gate.
func (l *lab) held(gate *cloudtest.Gate, rows ...object) <-chan reply {
	l.Helper()
	answered := l.background(rows...)
	if _, err := gate.Wait(l.ctx); err != nil {
		l.Fatal(err)
	}
	return answered
}

func TestTheSameNewRowTwiceAtOnceIsInsertedAndMailedTwiceAndBreaksTheOrganization(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user := uuid.NewString()
	gate := l.cloud.Hold(cloudtest.Loaded, nil)
	first, second := l.held(gate, row(user)), l.held(gate, row(user))
	equal(t, "at once", l.cloud.Stats().Sync[l.org.ID].MaxInFlight, 2)
	l.is(0, 0)
	gate.Release()
	equal(t, "first", (<-first).status, http.StatusOK)
	equal(t, "second", (<-second).status, http.StatusOK)
	l.is(2, 2)
	equal(t, "rows of the key", l.cloud.RowCount(l.org.ID, user), 2)
	equal(t, "mailed twice", len(l.cloud.MailedTwice(l.org.ID)), 1)
	refused(t, l.try(row(uuid.NewString())), http.StatusInternalServerError, unhandled)
	refused(t, l.try(tombstone(uuid.NewString(), false)), http.StatusInternalServerError, unhandled)
	l.sync() // an empty batch does not look at the rows
	l.is(2, 2)
}

func TestAStallRacesWithARepeatWithoutHoldingALock(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user := uuid.NewString()
	released := make(chan struct{})
	l.cloud.Inject(cloudtest.StallUntil(released))
	stalled := l.background(row(user))
	l.eventually("arrived", func() bool { return len(l.cloud.SyncRequests()) == 1 })
	l.sync(row(user))
	l.is(1, 1)
	close(released)
	equal(t, "status", (<-stalled).status, http.StatusOK)
	l.is(2, 2)
}

func TestACallerThatHangsUpOnceTheBodyIsReadChangesNothing(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]cloudtest.Stage{"between loading and inserting": cloudtest.Loaded, "between inserting and mailing": cloudtest.Inserted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			gate := l.cloud.Hold(stage, nil)
			l.bearer = l.token("api.installation")
			hasty := *l
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
			equal(t, "still at work", l.cloud.Stats().Sync[l.org.ID].InFlight, 1)
			equal(t, "ended", l.cloud.SyncRequests()[0].EndedAt.IsZero(), true)
			gate.Release()
			l.eventually("done", func() bool { return l.cloud.Stats().Sync[l.org.ID].InFlight == 0 })
			l.is(1, 1)
		})
	}
}

func TestAWithdrawalThatOvertakesTheInsertIsDroppedAndTheOfferGoesOut(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user := uuid.NewString()
	gate := l.cloud.Hold(cloudtest.Loaded, func(r cloudtest.Request) bool { return !r.Rows[0].ToDelete })
	offer := l.held(gate, row(user))
	equal(t, "withdrawal answered with", len(l.sync(tombstone(user, false))), 0)
	gate.Release()
	equal(t, "offer", (<-offer).status, http.StatusOK)
	l.is(1, 1)
}

func TestARefreshThatRacesWithADeletionLoses(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user := uuid.NewString()
	l.sync(row(user))
	gate := l.cloud.Hold(cloudtest.Loaded, func(r cloudtest.Request) bool { return !r.Rows[0].ToDelete })
	refresh := l.held(gate, row(user))
	l.sync(tombstone(user, false))
	gate.Release()
	equal(t, "refresh", (<-refresh).status, http.StatusOK)
	l.is(0, 1)
}

func TestTwoDeletionsAtOnceBothSucceed(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user := uuid.NewString()
	l.sync(row(user))
	gate := l.cloud.Hold(cloudtest.Loaded, nil)
	first, second := l.held(gate, tombstone(user, false)), l.held(gate, tombstone(user, true))
	gate.Release()
	equal(t, "first", (<-first).status, http.StatusOK)
	equal(t, "second", (<-second).status, http.StatusOK)
	l.is(0, 1)
}

func TestARowWithAFreshKeyThatIsToBeDeletedProbesWithoutATrace(t *testing.T) {
	t.Parallel()
	l := setup(t)
	probe := tombstone(uuid.NewString(), false)
	equal(t, "sound", l.try(probe).body, `{"sponsorshipsBatch":[]}`)
	l.is(0, 0)
	twin := uuid.NewString()
	l.sync(row(twin), row(twin))
	equal(t, "doubled keys", len(l.cloud.Doubled(l.org.ID)), 1)
	refused(t, l.try(probe), http.StatusInternalServerError, unhandled)
}
