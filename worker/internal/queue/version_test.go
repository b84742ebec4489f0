package queue_test

import (
	"context"
	"testing"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// A newer producer has put in what this worker would misread: it waits for a
// newer worker, and is neither carried out nor dead.
func TestAJobOfANewerVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		t.Error("the handler was called")
		return nil
	}})
	for _, kind := range []string{"redeem", "unheard-of"} {
		task := asynq.NewTaskWithHeaders(kind, []byte(`{"what":"ever"}`), map[string]string{jobs.VersionHeader: "3"})
		_, err := b.asynq.EnqueueContext(t.Context(), task, asynq.Queue(string(jobs.QueueIntake)), asynq.MaxRetry(3))
		jobstest.Must(t, err)
	}
	b.start(t)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return len(b.seen.all()) == 2 })
	if got := b.seen.all(); !sameElements(got, []string{"redeem snoozed", "unheard-of snoozed"}) {
		t.Errorf("observed %v", got)
	}
}
