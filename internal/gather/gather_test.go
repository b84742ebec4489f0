package gather_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sponsorsync/sponsorsync/internal/gather"
)

// shop answers each number with its double, and holds its calls until it is let go.
type shop struct {
	mu    sync.Mutex
	calls [][]int
	ends  []error
	open  chan struct{}
}

func (s *shop) serve(ctx context.Context, ins []int) []int {
	s.mu.Lock()
	s.calls = append(s.calls, slices.Clone(ins))
	s.mu.Unlock()
	select {
	case <-s.open:
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.ends = append(s.ends, ctx.Err())
	s.mu.Unlock()
	outs := make([]int, len(ins))
	for i, n := range ins {
		outs[i] = 2 * n
	}
	return outs
}

// come has callers come one after another, and returns what they were answered.
func come(t *testing.T, calls *gather.Calls[int, int], numbers ...int) func() []string {
	answers := make([]string, len(numbers))
	var all sync.WaitGroup
	for i, n := range numbers {
		all.Go(func() {
			out, err := calls.Do(t.Context(), n)
			answers[i] = fmt.Sprint(out, err)
		})
		synctest.Wait()
	}
	return func() []string { all.Wait(); return answers }
}

func TestThoseThatComeMeanwhileShareACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shop{open: make(chan struct{})}
		answers := come(t, gather.New(s.serve), 1, 2, 3, 4, 5)
		close(s.open)
		if got := answers(); !slices.Equal(got, []string{"2 <nil>", "4 <nil>", "6 <nil>", "8 <nil>", "10 <nil>"}) {
			t.Errorf("answers %v", got)
		}
		if got := fmt.Sprint(s.calls); got != "[[1] [2] [3 4 5]]" {
			t.Errorf("calls %v", got)
		}
	})
}

func TestNobodyWaitsBeyondHisContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shop{open: make(chan struct{})}
		calls := gather.New(s.serve)
		others := come(t, calls, 1, 2)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { _, err := calls.Do(ctx, 3); gone <- err }()
		synctest.Wait()
		last := come(t, calls, 4)
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		close(s.open)
		if got := append(others(), last()...); !slices.Equal(got, []string{"2 <nil>", "4 <nil>", "8 <nil>"}) {
			t.Errorf("answers %v", got)
		}
		if got := fmt.Sprint(s.calls, s.ends); got != "[[1] [2] [3 4]] [<nil> <nil> <nil>]" {
			t.Errorf("calls and their ends: %v", got)
		}
	})
}

func TestACallEndsWhenNobodyWaitsForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shop{open: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { _, err := gather.New(s.serve).Do(ctx, 1); gone <- err }()
		synctest.Wait()
		cancel()
		<-gone
		synctest.Wait()
		if got := fmt.Sprint(s.ends); got != "[context canceled]" {
			t.Errorf("the call ended with %v", got)
		}
	})
}
