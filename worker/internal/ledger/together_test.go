package ledger_test

import (
	"fmt"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

func wish(job string, n int) ledger.Wish {
	return ledger.Wish{JobID: job, Write: ledger.Write{After: pending(n), Event: event(job)}}
}

func wishes(n int) []ledger.Wish {
	all := make([]ledger.Wish, n)
	for i := range all {
		all[i] = wish(fmt.Sprint("job-", i), i)
	}
	return all
}

func TestWhatIsAcceptedTogetherIsStoredWithItsEvents(t *testing.T) {
	t.Parallel()
	b := started(t)
	before := len(b.outbox())
	wakes := 0
	for i, a := range b.AcceptAll(t.Context(), wishes(450)) { // more than one script
		jobstest.Must(t, a.Err)
		if a.Wake != "" {
			wakes++
		}
		if a.Accepted != (ledger.Accepted{Wake: a.Wake}) {
			t.Errorf("job %d: %+v", i, a)
		}
	}
	counts := jobstest.Value(b.Counts(t.Context(), org))(t)
	if events := len(b.outbox()) - before; wakes != 1 || events != 450 || counts[sponsorship.Pending] != 450 {
		t.Errorf("%d wake-ups, %d events and %v, want 1 and each of 450", wakes, events, counts)
	}
	for _, again := range b.AcceptAll(t.Context(), wishes(450)) {
		if !again.Duplicate || again.Err != nil {
			t.Fatalf("a repeat is %+v", again)
		}
	}
	if events := len(b.outbox()) - before; events != 450 {
		t.Errorf("%d events after a repeat", events)
	}
}

// The second job of a sponsorship sees what the first has stored in the same script.
func TestTwoJobsOfOneSponsorshipTogether(t *testing.T) {
	t.Parallel()
	b := started(t)
	all := b.AcceptAll(t.Context(), []ledger.Wish{wish("one", 1), wish("two", 2), wish("other", 1), wish("one", 1)})
	if all[0].Accepted.Conflict || !all[2].Conflict || all[2].Current.JobID != all[0].Current.JobID && all[2].Current.Email != "m1@example.com" {
		t.Errorf("%+v, want the second to find what the first has stored", all)
	}
	if !all[3].Duplicate || all[1].Conflict || all[1].Err != nil {
		t.Errorf("%+v, want the repeat of the first to be one", all)
	}
}

func TestWhatFailsAmongWishesFailsAlone(t *testing.T) {
	t.Parallel()
	b := started(t)
	before := len(b.outbox())
	jobstest.Must(t, b.rdb.Set(t.Context(), state.OrderKey(org, user(20)), "no list", 0).Err())
	for i, a := range b.AcceptAll(t.Context(), wishes(50)) {
		if (a.Err != nil) != (i == 20) || a.Conflict || a.Duplicate {
			t.Errorf("job %d: %+v", i, a)
		}
	}
	if events := len(b.outbox()) - before; events != 49 {
		t.Errorf("%d events, want one for each of 49", events)
	}
}
