package queue_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// origins runs jobs that tell who asked for each.
func origins(t *testing.T, err error) (bundle, <-chan origin.Origin) {
	t.Helper()
	told := make(chan origin.Origin, 10)
	return setup(t, handlers{redeem: func(ctx context.Context, _ jobs.Job[jobs.Redeem]) error {
		told <- origin.Of(ctx)
		return err
	}}), told
}

func TestAHandlerKnowsWhoAsked(t *testing.T) {
	t.Parallel()
	b, told := origins(t, nil)
	b.start(t)
	for ctx, want := range map[context.Context]origin.Origin{
		t.Context():                     origin.Elsewhere,
		origin.WithBridge(t.Context()):  origin.Bridge,
		origin.WithUndated(t.Context()): origin.Undated,
	} {
		_, err := b.client.Enqueue(ctx, redeem)
		jobstest.Must(t, err)
		jobstest.Equal(t, "origin", <-told, want)
		_, err = b.client.EnqueueAll(ctx, []jobs.Args{redeem})
		jobstest.Must(t, err)
		jobstest.Equal(t, "origin of a batch", <-told, want)
	}
}

// A header proves nothing, and neither does an id that the bridge has used before.
func TestNobodyPosesAsTheBridge(t *testing.T) {
	t.Parallel()
	b, told := origins(t, nil)
	b.start(t)
	payload := jobstest.Value(jobs.Encode(redeem))(t)
	_, err := b.asynq.EnqueueContext(t.Context(), asynq.NewTaskWithHeaders(string(jobs.KindRedeem), payload, map[string]string{
		"origin": string(origin.Bridge),
	}), asynq.Queue(string(jobs.QueueIntake)), asynq.TaskID("foreign"))
	jobstest.Must(t, err)
	jobstest.Equal(t, "origin of a foreign task", <-told, origin.Elsewhere)

	id := uuid.NewString()
	_, err = b.client.Enqueue(t.Context(), redeem, enqueue.WithID(id))
	jobstest.Must(t, err)
	jobstest.Equal(t, "origin", <-told, origin.Elsewhere)
	_, err = b.client.Enqueue(origin.WithBridge(t.Context()), redeem, enqueue.WithID(id))
	jobstest.Must(t, err)
	if len(told) > 0 {
		t.Error("a job whose id is taken ran")
	}
}

func TestADeadJobThatRunsAgainKeepsItsOrigin(t *testing.T) {
	t.Parallel()
	b, told := origins(t, jobs.Permanent(errors.New("no")))
	b.start(t)
	receipt, err := b.client.Enqueue(origin.WithBridge(t.Context()), redeem)
	jobstest.Must(t, err)
	jobstest.Equal(t, "origin", <-told, origin.Bridge)
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		s, _, err := b.inspector.Job(t.Context(), receipt.ID)
		return err == nil && s.State == enqueue.StateDead
	})
	_, err = b.inspector.Retry(t.Context(), receipt.ID)
	jobstest.Must(t, err)
	jobstest.Equal(t, "origin of the retry", <-told, origin.Bridge)
}
