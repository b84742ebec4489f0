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
func watch(ctx context.Context, p Params) {
	near := false
	for ctx.Err() == nil {
		if fill, err := p.Ledger.OutboxFill(ctx); err == nil {
			near = p.outbox(fill, near)
		}
		_ = jobs.Sleep(ctx, watchEvery) // the loop looks at ctx itself
	}
}

// outbox logs a change, and returns whether the limit is near.
func (p Params) outbox(fill float64, near bool) bool {
	switch {
	case fill >= state.OutboxNear && !near:
		p.Log.Warn().Str("outbox", state.OutboxWord(fill)).
			Msg("events pile up: at the limit no new jobs are taken and no sync begins; start NATS, or see why it takes none")
	case fill < state.OutboxNear && near:
		p.Log.Info().Msg("the outbox has room again")
	}
	return fill >= state.OutboxNear
}
