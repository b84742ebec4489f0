package monitor

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// watchEvery is how often the outbox is measured for the log.
const watchEvery = 10 * time.Second

// watch logs when the outbox comes near its limit, and when that is over, until
// ctx ends.
func (m *Monitor) watch(ctx context.Context) {
	near := false
	for ctx.Err() == nil {
		if fill, err := m.p.Ledger.OutboxFill(ctx); err == nil {
			near = m.outbox(fill, near)
		}
		_ = jobs.Sleep(ctx, watchEvery) // the loop looks at ctx itself
	}
}

// outbox logs a change, and returns whether the limit is near.
func (m *Monitor) outbox(fill float64, near bool) bool {
	switch {
	case fill >= state.OutboxNear && !near:
		m.p.Log.Warn().Str("outbox", state.OutboxWord(fill)).
			Msg("events pile up: at the limit no new jobs are taken and no sync begins; start NATS, or see why it takes none")
	case fill < state.OutboxNear && near:
		m.p.Log.Info().Msg("the outbox has room again")
	}
	return fill >= state.OutboxNear
}
