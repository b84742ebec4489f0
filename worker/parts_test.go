package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// turns counts those that were taken.
type turns struct{ taken int }

func (t *turns) Wait(context.Context, cloud.Lane) error    { t.taken++; return nil }
func (*turns) PauseUntil(context.Context, time.Time) error { return nil }

func TestNoTurnIsTakenBesideAnOlderWorker(t *testing.T) {
	t.Parallel()
	limit, why := &turns{}, "held back"
	held := heldLimiter{limit, func() string { return why }}
	err := held.Wait(t.Context(), cloud.Urgent)
	if notYet, ok := errors.AsType[*cloud.NotYet](err); !ok || notYet.After <= 0 || err.Error() != why {
		t.Errorf("%v, want one that says why and comes again", err)
	}
	jobstest.Equal(t, "turns", limit.taken, 0)
	why = ""
	jobstest.Must(t, held.Wait(t.Context(), cloud.Urgent))
	jobstest.Equal(t, "turns", limit.taken, 1)
}
