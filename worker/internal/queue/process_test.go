package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

func TestExactKinds(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 3)
	b := setup(t, handlers{
		redeem: func(_ context.Context, j jobs.Job[jobs.Redeem]) error {
			seen <- fmt.Sprint(j.ID, j.Args == redeem, j.Attempt, j.MaxAttempts)
			return nil
		},
		change: func(_ context.Context, j jobs.Job[jobs.ChangeSponsorship]) error {
			seen <- fmt.Sprint(j.ID, j.Args.Revoke, j.Attempt, j.MaxAttempts)
			return nil
		},
	})
	want := []string{
		b.enqueue(t, redeem),
		b.enqueue(t, jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: member, Revoke: true}),
	}
	b.start(t)
	for i := range want {
		if s := b.await(t, want[i], enqueue.StateDone); s.Attempts != 1 || s.LastError != nil || s.CompletedAt == nil {
			t.Errorf("status %+v", s)
		}
		want[i] += "true 1 30"
	}
	if got := []string{<-seen, <-seen}; !sameElements(got, want) {
		t.Errorf("handlers saw %v, want %v", got, want)
	}
	if got := b.seen.all(); !sameElements(got, []string{"redeem done", "change-sponsorship done"}) {
		t.Errorf("observed %v", got)
	}
}

func TestWhatCannotBeHandledIsDeadWithAReason(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		t.Error("the handler of redeem was called")
		return nil
	}})
	tests := map[string]struct{ kind, payload string }{
		"kind that only begins like one": {"redeem-later", `{}`},
		"kind of the other queue":        {"sync", `{"organizationId":"` + string(org) + `"}`},
		"unknown field":                  {"redeem", `{"organizationId":"` + string(org) + `","color":"red"}`},
		"no JSON":                        {"redeem", "\xff"},
		"invalid arguments":              {"redeem", `{"organizationId":"` + string(org) + `"}`},
	}
	b.start(t)
	for name, tt := range tests {
		id := b.raw(t, tt.kind, tt.payload)
		s := b.await(t, id, enqueue.StateDead)
		if s.LastError.Code != fault.InvalidArguments || s.Attempts != 1 {
			t.Errorf("%s: %+v, last error %v", name, s, s.LastError)
		}
		jobstest.Eventually(t, jobstest.Timeout, func() bool { return slices.Contains(b.seen.all(), tt.kind+" dead") })
	}
}

func TestPermanentErrorIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		return fmt.Errorf("redeem: %w", jobs.Permanent(fault.New(fault.AlreadySponsoring, "the member sponsors someone")))
	}})
	b.start(t)
	s := b.await(t, b.enqueue(t, redeem), enqueue.StateDead)
	if s.Attempts != 1 || *s.LastError != *fault.New(fault.AlreadySponsoring, "the member sponsors someone") {
		t.Errorf("%+v, last error %v", s, s.LastError)
	}
}

func TestFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: func(_ context.Context, j jobs.Job[jobs.Redeem]) error {
		if j.Attempt < 3 {
			return fault.New(fault.QueueUnavailable, "attempt %d", j.Attempt)
		}
		return nil
	}})
	b.start(t)
	if s := b.await(t, b.enqueue(t, redeem), enqueue.StateDone); s.Attempts != 3 || s.LastError != nil {
		t.Errorf("%+v", s)
	}
	if got, want := b.seen.all(), []string{"redeem retry", "redeem retry", "redeem done"}; !slices.Equal(got, want) {
		t.Errorf("observed %v, want %v", got, want)
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		return jobs.RetryAfter(24*time.Hour, fault.New(fault.CloudRateLimited, "429"))
	}})
	b.start(t)
	before := time.Now()
	id := b.enqueue(t, redeem)
	s := b.await(t, id, enqueue.StateRetrying)
	if s.Attempts != 1 || s.LastError.Code != fault.CloudRateLimited {
		t.Errorf("%+v, last error %v", s, s.LastError)
	}
	info, err := asynq.NewInspectorFromRedisClient(b.rdb).GetTaskInfo(string(jobs.QueueIntake), id)
	if err != nil {
		t.Fatal(err)
	}
	if early, late := before.Add(24*time.Hour-time.Second), time.Now().Add(24*time.Hour); info.NextProcessAt.Before(early) || info.NextProcessAt.After(late) {
		t.Errorf("next attempt at %v, want within %v and %v", info.NextProcessAt, early, late)
	}
}

// A sweep has three attempts: two fail, two snoozes before the last cost
// nothing, and the last one is its death.
func TestSnoozeUsesNoAttempt(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	var attempts record
	b := setup(t, handlers{sweep: func(_ context.Context, j jobs.Job[jobs.Sweep]) error {
		attempts.add(fmt.Sprint(j.Attempt, "/", j.MaxAttempts))
		if n := calls.Add(1); n == 3 || n == 4 {
			return jobs.Snooze(0, "not my turn")
		}
		return errors.New("oops")
	}})
	b.start(t)
	s := b.await(t, b.enqueue(t, jobs.Sweep{Tick: 1}), enqueue.StateDead)
	if want := []string{"1/3", "2/3", "3/3", "3/3", "3/3"}; !slices.Equal(attempts.all(), want) {
		t.Errorf("attempts %v, want %v", attempts.all(), want)
	}
	if s.Attempts != 3 || s.LastError.Message != "oops" {
		t.Errorf("%+v, last error %v", s, s.LastError)
	}
}

func TestSnoozedJobIsPending(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		return jobs.Snooze(time.Hour, "not my turn")
	}})
	b.start(t)
	id := b.enqueue(t, redeem)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return slices.Contains(b.seen.all(), "redeem snoozed") })
	if s := b.await(t, id, enqueue.StatePending); s.Attempts != 0 || s.LastError != nil {
		t.Errorf("%+v", s)
	}
}

// asynq cuts off a handler that outstays its time, and would end the job in
// silence after the last attempt. The spare try does it aloud.
func TestJobWithoutAnyResultDiesAloud(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	release := make(chan struct{})
	b := setup(t, handlers{sweep: func(context.Context, jobs.Job[jobs.Sweep]) error {
		calls.Add(1)
		<-release
		return nil
	}})
	b.start(t)
	t.Cleanup(func() { close(release) })
	id := b.raw(t, string(jobs.KindSweep), `{"tick":1}`, asynq.Timeout(time.Second))
	s := b.await(t, id, enqueue.StateDead)
	if calls.Load() != 3 || s.Attempts != 3 || !strings.Contains(s.LastError.Message, "no attempt came to an end") {
		t.Errorf("%d calls, %+v, last error %v", calls.Load(), s, s.LastError)
	}
	if !slices.Contains(b.seen.all(), "sweep dead") {
		t.Errorf("the death was not observed: %q", b.seen.all())
	}
}

func TestPanicIsSurvived(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: func(_ context.Context, j jobs.Job[jobs.Redeem]) error {
		if j.Attempt == 1 {
			panic("boom")
		}
		return jobs.Permanent(errors.New("enough"))
	}})
	b.params.Curve = jobs.Curve{Base: 2 * time.Second, Max: 2 * time.Second} // time to see it retrying
	b.start(t)
	id := b.enqueue(t, redeem)
	if s := b.await(t, id, enqueue.StateRetrying); strings.Contains(s.LastError.Message, "boom") {
		t.Errorf("the panic's text got out: %v", s.LastError)
	}
	if s := b.await(t, id, enqueue.StateDead); s.LastError.Message != "enough" {
		t.Errorf("last error %v", s.LastError)
	}
	for _, want := range []string{`"panic":"boom"`, "process_test.go", id} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

func TestLogNeverHoldsArguments(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{redeem: func(_ context.Context, j jobs.Job[jobs.Redeem]) error {
		if j.Attempt == 1 {
			return fault.New(fault.QueueUnavailable, "try again")
		}
		return nil
	}})
	b.start(t)
	id := b.enqueue(t, redeem)
	b.await(t, id, enqueue.StateDone)
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return len(b.seen.all()) == 2 })
	text := b.log.String()
	for _, want := range []string{
		`"kind":"redeem"`, `"job_id":"` + id + `"`, `"attempt":1`, `"outcome":"retry"`, `"code":"queue_unavailable"`,
		`"organization_id":"` + string(org) + `"`, `"attempt":2`, `"outcome":"done"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "@") {
		t.Errorf("an address got into the log:\n%s", text)
	}
}

func TestRepeatAfterTheEndIsADuplicate(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	b := setup(t, handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error { calls.Add(1); return nil }})
	b.start(t)
	send := func() enqueue.Receipt {
		receipts, err := b.client.EnqueueAll(t.Context(), []jobs.Args{redeem}, enqueue.WithIdempotency(enqueue.Idempotency{Key: "k", BodyHash: "h"}))
		if err != nil {
			t.Fatal(err)
		}
		return receipts[0]
	}
	first := send()
	b.await(t, first.ID, enqueue.StateDone)
	if again := send(); again.ID != first.ID || !again.Duplicate || first.Duplicate {
		t.Errorf("first %+v, again %+v", first, again)
	}
	b.await(t, b.enqueue(t, redeem), enqueue.StateDone) // the queue is empty by now
	if calls.Load() != 2 {
		t.Errorf("%d calls, want 2", calls.Load())
	}
}

func sameElements(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
