package registry_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
)

func TestOnlyAnOlderWorkerThatLivesHoldsBack(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		worker state.Worker
		held   bool
	}{
		"none registered, but asynq lists it": {state.Worker{Host: "old", PID: 7, Lives: true}, true},
		"of a lower level":                    {state.Worker{ID: "1", Host: "old", PID: 7, Safety: registry.Safety - 1, Lives: true}, true},
		"killed":                              {state.Worker{ID: "1", Safety: registry.Safety - 1}, false},
		"of this level":                       {state.Worker{ID: "1", Safety: registry.Safety, Lives: true}, false},
		"of a higher level":                   {state.Worker{ID: "1", Safety: registry.Safety + 1, Lives: true}, false},
	} {
		others := []state.Worker{{ID: "self", Safety: registry.Safety, Lives: true}, c.worker}
		g := registry.NewGuard(func(context.Context) ([]state.Worker, error) { return others, nil }, zerolog.Nop())
		jobstest.Must(t, g.Look(t.Context()))
		if why := g.Older(); (why != "") != c.held || c.held && !strings.Contains(why, "old (pid 7") {
			t.Errorf("%s: held back is %q, want %v", what, why, c.held)
		}
	}
}

func TestAGuardTellsOnceAndStaysShutWhileNobodyKnows(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var all []state.Worker
	var failure error
	g := registry.NewGuard(func(context.Context) ([]state.Worker, error) { return all, failure }, zerolog.New(&log))
	look := func(held bool) {
		t.Helper()
		if err := g.Look(t.Context()); !errors.Is(err, failure) {
			t.Error(err)
		}
		jobstest.Equal(t, "held back", g.Older() != "", held)
	}
	look(false)
	all = []state.Worker{{Host: "old", Lives: true}}
	look(true)
	look(true)
	failure, all = errors.New("away"), nil
	look(true)
	failure = nil
	look(false)
	look(false)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "nothing is sent to the cloud until it has ended") || !strings.Contains(lines[1], "leave again") {
		t.Errorf("logged %q", lines)
	}
}

func TestAloneWaitsUntilTheOlderOneHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		g := registry.NewGuard(func(context.Context) ([]state.Worker, error) {
			looks++
			return []state.Worker{{Lives: looks < 4}}, nil
		}, zerolog.Nop())
		jobstest.Must(t, g.Look(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go g.Keep(ctx)
		g.Alone(ctx)
		jobstest.Equal(t, "looks", looks, 4)
	})
}

func TestAloneEndsWithItsContext(t *testing.T) {
	t.Parallel()
	g := registry.NewGuard(func(context.Context) ([]state.Worker, error) { return []state.Worker{{Lives: true}}, nil }, zerolog.Nop())
	jobstest.Must(t, g.Look(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.Alone(ctx)
	if g.Older() == "" {
		t.Error("it is not held back any more")
	}
}
