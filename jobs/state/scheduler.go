package state

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// schedulerKey holds the interval of whoever enqueued a sweep last, in milliseconds.
// When that was is what is left of its life: so no clock but Redis' own counts.
const schedulerKey = "sponsorsync:scheduler"

const schedulerMemory = 30 * 24 * time.Hour

// schedulerSlack is what a scheduler may be late beyond three of its intervals.
const schedulerSlack = 10 * time.Second

// Scheduler is what is known of the task that enqueues a sweep an interval; 'producer
// serve' runs it. The zero value is one that never ran, or not for a month.
type Scheduler struct {
	Interval time.Duration // 0: nobody knows of one
	Silent   time.Duration // since its last sweep
}

// Lives reports whether the daily syncs are being looked after.
func (s Scheduler) Lives() bool {
	return s.Interval > 0 && s.Silent <= 3*s.Interval+schedulerSlack
}

// BeatScheduler notes that a sweep was enqueued just now, and when the next one is due.
func (l *Ledger) BeatScheduler(ctx context.Context, interval time.Duration) error {
	if err := l.rdb.Set(ctx, schedulerKey, interval.Milliseconds(), schedulerMemory).Err(); err != nil {
		return fmt.Errorf("note that the scheduler works: %w", err)
	}
	return nil
}

// Scheduler returns what is known of the scheduler.
func (l *Ledger) Scheduler(ctx context.Context) (Scheduler, error) {
	pipe := l.rdb.TxPipeline()
	value, left := pipe.Get(ctx, schedulerKey), pipe.PTTL(ctx, schedulerKey)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return Scheduler{}, fmt.Errorf("look for the scheduler: %w", err)
	}
	ms, err := strconv.ParseInt(value.Val(), 10, 64)
	if err != nil || left.Val() <= 0 {
		return Scheduler{}, nil
	}
	return Scheduler{Interval: time.Duration(ms) * time.Millisecond, Silent: schedulerMemory - left.Val()}, nil
}
