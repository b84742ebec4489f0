package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
)

func TestSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := jobs.Sleep(t.Context(), time.Minute); err != nil || time.Since(start) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		if err := jobs.Sleep(ctx, time.Hour); !errors.Is(err, why) || time.Since(start) != time.Minute+time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestBackoffOfStrangeCounts(t *testing.T) {
	t.Parallel()
	c := jobs.Curve{Base: time.Second, Max: 5 * time.Minute}
	for failures, want := range map[int]time.Duration{-1: time.Second, 0: time.Second, 1: time.Second, 9: 256 * time.Second, 10: c.Max, 1 << 30: c.Max} {
		if got := jobs.Backoff(failures, c, 0.5); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}
