package registry

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Guard keeps a worker from sending while one lives beside it that promises less:
// what the two do to one row at the same time is safe only as the older one has it.
type Guard struct {
	look  func(context.Context) ([]state.Worker, error)
	log   zerolog.Logger
	older atomic.Value // why nothing may be sent, a string
}

// NewGuard returns a guard that holds nothing back yet. look lists the workers, also
// those that do not register.
func NewGuard(look func(context.Context) ([]state.Worker, error), log zerolog.Logger) *Guard {
	return &Guard{look: look, log: log}
}

// Older says why nothing may be sent now; "" if something may.
func (g *Guard) Older() string {
	why, _ := g.older.Load().(string)
	return why
}

// Look finds out, and tells when it changes. After an error all is as before.
func (g *Guard) Look(ctx context.Context) error {
	all, err := g.look(ctx)
	if err != nil {
		return fmt.Errorf("look for older workers: %w", err)
	}
	why := ""
	if older, found := state.Older(all, Safety); found {
		why = fmt.Sprintf("held back: %s is of an older release; nothing is sent to the cloud until it has ended", older)
	}
	switch before := g.Older(); {
	case why != "" && before == "":
		g.log.Warn().Msg(why)
	case why == "" && before != "":
		g.log.Info().Msg("no older worker lives any more: requests leave again")
	}
	g.older.Store(why)
	return nil
}

// Keep looks until ctx ends.
func (g *Guard) Keep(ctx context.Context) {
	for jobs.Sleep(ctx, Interval) == nil {
		bounded, cancel := context.WithTimeout(ctx, Interval)
		_ = g.Look(bounded) // a Redis that is away lets nothing through, and others say so
		cancel()
	}
}

// Alone returns once something may be sent, or when ctx ends. Somebody must Keep.
func (g *Guard) Alone(ctx context.Context) {
	for g.Older() != "" && jobs.Sleep(ctx, time.Second) == nil {
	}
}
