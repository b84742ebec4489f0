package jobstest

import (
	"context"
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// AddWorker registers a worker that beats now, as one that runs does.
func (l Ledger) AddWorker(ctx context.Context, w state.Worker) error {
	now, err := l.Redis.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("ask Redis for the time: %w", err)
	}
	text, err := state.EncodeWorker(w)
	if err != nil {
		return err
	}
	return l.Redis.HSet(ctx, state.WorkersKey, w.ID, fmt.Sprintf("%d %s", now.UnixMilli(), text)).Err()
}
