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

func TestAwait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, err := jobs.Await(t.Context(), func() (int, error) { time.Sleep(time.Second); return 7, nil })
		if n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		n, err = jobs.Await(ctx, func() (int, error) { time.Sleep(time.Minute); return 7, nil })
		if n != 0 || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%d, %v after %s", n, err, time.Since(start))
		}
		time.Sleep(time.Minute) // the call that was left behind ends
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
