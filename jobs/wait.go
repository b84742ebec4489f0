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

// Await returns what a call returns that knows no context, or ctx's error if that
// comes first: the call is then left behind, and ends by its own means.
func Await[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := call()
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
