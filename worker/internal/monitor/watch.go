package monitor

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// watchEvery is how often the stores that have a bound are measured for the log.
const watchEvery = time.Minute

// bounded is a store that takes nothing more when it is full.
type bounded struct {
	name, full string // full says what comes of it, and what to do
	limit      float64
	word       func(fill float64) string
	measure    func(context.Context) (float64, error)
}

func (m *Monitor) bounds() []bounded {
	return []bounded{
		{"outbox", "events pile up: at the limit no new jobs are taken and no sync begins; start NATS, or see why it takes none",
			state.OutboxNear, state.OutboxWord, m.p.Ledger.OutboxFill},
		{"dead jobs", "dead and refused jobs pile up: at the limit no new jobs are taken; see 'producer jobs list', and retry or delete them",
			enqueue.EndedNear, enqueue.EndedWord, m.jobs.EndedFill},
	}
}

// watch logs when a store comes near its bound, and when that is over, until ctx
// ends.
func (m *Monitor) watch(ctx context.Context) {
	all := m.bounds()
	near := make([]bool, len(all))
	for ctx.Err() == nil {
		for i, b := range all {
			if fill, err := b.measure(ctx); err == nil {
				near[i] = m.tell(b, fill, near[i])
			}
		}
		_ = jobs.Sleep(ctx, watchEvery) // the loop looks at ctx itself
	}
}

// tell logs a change, and returns whether the bound is near.
func (m *Monitor) tell(b bounded, fill float64, near bool) bool {
	switch {
	case fill >= b.limit && !near:
		m.p.Log.Warn().Str("store", b.name).Str("fill", b.word(fill)).Msg(b.full)
	case fill < b.limit && near:
		m.p.Log.Info().Str("store", b.name).Msg("the store has room again")
	}
	return fill >= b.limit
}
