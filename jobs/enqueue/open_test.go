package enqueue_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestOpenNamesTheJobsThatHaveNotEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	for _, id := range []string{"waits", "done", "stamped", "lost"} {
		jobstest.Value(b.client.Enqueue(ctx, redeem("ann@example.com"), enqueue.WithID(id)))(t)
	}
	jobstest.Must(t, b.rdb.HSet(ctx, state.RecordKey(org, "done"), "state", string(record.Done)).Err())
	for _, id := range []string{"stamped", "lost"} { // the queue does not hold them
		jobstest.Must(t, b.rdb.Del(ctx, enqueue.QueueKey(jobs.QueueIntake, "t:"+id)).Err())
	}
	jobstest.Must(t, b.rdb.PExpire(ctx, state.RecordKey(org, "lost"), record.Life-3*record.Unput).Err())
	open := jobstest.Value(enqueue.NewSystem(b.client).Open(ctx, org, []string{"waits", "done", "stamped", "lost", "never there"}))(t)
	for id, want := range map[string]bool{"waits": true, "done": false, "stamped": true, "lost": false, "never there": false} {
		jobstest.Equal(t, id, open[id], want)
	}
}
