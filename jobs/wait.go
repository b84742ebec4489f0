package jobs

import (
	"context"
	"time"
)

// Sleep returns nil after d, or the cause of ctx's end if that comes first. With
// [Backoff] it is all that a loop of retries needs.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
