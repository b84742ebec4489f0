package enqueue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// One person is forgotten, wherever their batch stands; the others' jobs are as they were.
func TestForgettingTakesOnePersonOutOfABatch(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		bring func(bundle, *testing.T, string)
		state string // of the others
	}{
		enqueue.StatePending: {func(bundle, *testing.T, string) {}, enqueue.StatePending},
		"put off":            {func(b bundle, t *testing.T, id string) { b.putOff(t, jobs.QueueIntake, id) }, enqueue.StatePending},
		enqueue.StateDead:    {func(b bundle, t *testing.T, id string) { b.archive(t, jobs.QueueIntake, id) }, enqueue.StateDead},
		enqueue.StateDone:    {bundle.completeDone, enqueue.StateDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			batch, ids := b.together(t, 3)
			end.bring(b, t, batch)
			erased, err := b.inspector.Erase(t.Context(), enqueue.Subject{Organization: org, Key: memberNo(1)})
			if err != nil || erased.Dropped != 1 || len(erased.Running) > 0 {
				t.Errorf("%+v, %v, want one that is dropped", erased, err)
			}
			if _, known, err := b.inspector.Job(t.Context(), ids[1]); known || err != nil {
				t.Errorf("it is known still, %v", err)
			}
			for _, id := range []string{ids[0], ids[2]} {
				if s := b.status(t, id); s.State != end.state {
					t.Errorf("%+v, want %s", s, end.state)
				}
			}
			if dump := b.store.Dump(); strings.Contains(dump, "member1@example.com") {
				t.Error("the address is there still")
			}
		})
	}
}

// completeDone completes a batch all of whose jobs are done.
func (b bundle) completeDone(t *testing.T, id string) {
	for _, item := range b.held(t, id) {
		jobstest.Must(t, b.rdb.HSet(t.Context(), state.RecordKey(org, item), "state", string(record.Done)).Err())
	}
	b.complete(t, id)
}

func TestForgettingNamesWhatRunsInABatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch, ids := b.together(t, 3)
	pipe := b.rdb.TxPipeline()
	pipe.LRem(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "pending"), 1, batch)
	pipe.LPush(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "active"), batch)
	pipe.HSet(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "t:"+batch), "state", "active")
	_, err := pipe.Exec(t.Context())
	jobstest.Must(t, err)
	erased := jobstest.Value(b.inspector.Erase(t.Context(), enqueue.Subject{Organization: org, Key: memberNo(1)}))(t)
	if erased.Dropped != 0 || !slices.Equal(erased.Running, ids[1:2]) {
		t.Errorf("%+v, want %s to run", erased, ids[1])
	}
	if s := b.status(t, ids[1]); s.State != enqueue.StateActive {
		t.Errorf("%+v", s)
	}
}
