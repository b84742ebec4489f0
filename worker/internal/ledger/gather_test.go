package ledger_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// acceptAtOnce accepts n jobs at the same time, so that they share scripts.
func (b bundle) acceptAtOnce(n int) ([]ledger.Accepted, []error) {
	accepted, errs := make([]ledger.Accepted, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			accepted[i], errs[i] = b.Accept(b.t.Context(), fmt.Sprint("job-", i), ledger.Write{After: pending(i), Event: event(fmt.Sprint("e", i))})
		})
	}
	all.Wait()
	return accepted, errs
}

func TestJobsAcceptedAtOnceWakeOnce(t *testing.T) {
	t.Parallel()
	b := started(t)
	before := len(b.outbox())
	accepted, errs := b.acceptAtOnce(100)
	wakes := 0
	for i, a := range accepted {
		jobstest.Must(t, errs[i])
		if a.Wake != "" {
			wakes++
		}
	}
	rows, err := b.Get(t.Context(), org, user(0), user(50), user(99))
	jobstest.Must(t, err)
	for i, row := range rows {
		if n := []int{0, 50, 99}[i]; row.UserID != user(n) || row.Email != fmt.Sprintf("m%d@example.com", n) {
			t.Errorf("row %d is %+v", n, row)
		}
	}
	if events := len(b.outbox()) - before; wakes != 1 || events != 100 {
		t.Errorf("%d wake-ups and %d events, want 1 and 100", wakes, events)
	}
}

func TestJobsAcceptedAtOnceShareTheRoomThatIsLeft(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.OutboxLimit = int64(len(b.outbox()) + 7)
	accepted, errs := b.acceptAtOnce(50)
	stored := 0
	for i, a := range accepted {
		jobstest.Must(t, errs[i])
		if !a.Full {
			stored++
		}
	}
	if left := b.OutboxLimit - int64(len(b.outbox())); stored != 7 || left != 0 {
		t.Errorf("%d jobs were stored, and room for %d events is left", stored, left)
	}
}

// Redis gives a whole script up over one job: the others must not suffer for it.
func TestOfJobsAcceptedAtOnceOneFailsAlone(t *testing.T) {
	t.Parallel()
	b := started(t)
	jobstest.Must(t, b.rdb.Set(t.Context(), state.OrderKey(org, user(20)), "no list", 0).Err())
	accepted, errs := b.acceptAtOnce(50)
	wakes := 0
	for i, a := range accepted {
		if (errs[i] != nil) != (i == 20) {
			t.Errorf("job %d: %v", i, errs[i])
		}
		if a.Wake != "" {
			wakes++
		}
	}
	if wakes == 0 {
		t.Error("nobody was woken")
	}
}
