package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	down := fault.New(fault.CloudUnavailable, "the cloud answered 503")
	wrapped := fmt.Errorf("sync org: %w", down)
	const text = "cloud_unavailable: the cloud answered 503"
	tests := []struct {
		name     string
		err      error
		attempt  int
		draining bool
		outcome  string
		delay    time.Duration
		text     string
		failure  bool
	}{
		{"success", nil, 1, false, "done", 0, "", false},
		{"success while draining", nil, 1, true, "done", 0, "", false},
		{"first failure", wrapped, 1, false, "retry", 10 * time.Second, text, true},
		{"third failure", wrapped, 3, false, "retry", 40 * time.Second, text, true},
		{"plain failure", errors.New("oops"), 1, false, "retry", 10 * time.Second, "oops", true},
		{"asked to wait", jobs.RetryAfter(time.Minute, down), 3, false, "retry", time.Minute, text, true},
		{"last failure", wrapped, 4, false, "dead", 0, text, false},
		{"last failure asks to wait", jobs.RetryAfter(time.Minute, down), 4, false, "dead", 0, text, false},
		{"permanent", jobs.Permanent(wrapped), 1, false, "dead", 0, text, false},
		{"wrapped permanent", fmt.Errorf("job: %w", jobs.Permanent(wrapped)), 1, false, "dead", 0, text, false},
		{"permanent while draining", jobs.Permanent(wrapped), 1, true, "dead", 0, text, false},
		{"snooze", jobs.Snooze(time.Minute, "busy"), 1, false, "snoozed", time.Minute, "waiting: busy", false},
		{"snooze on the last attempt", jobs.Snooze(time.Minute, "busy"), 4, false, "snoozed", time.Minute, "waiting: busy", false},
		{"canceled by shutdown", context.Canceled, 1, true, "interrupted", 0, "waiting: the worker was shut down", false},
		{"canceled on the last attempt", context.Canceled, 4, true, "interrupted", 0, "waiting: the worker was shut down", false},
		{"asked to wait while draining", jobs.RetryAfter(time.Minute, down), 1, true, "interrupted", time.Minute, "waiting: the worker was shut down", false},
		{"an error that asynq knows", asynq.RevokeTask, 1, false, "retry", 10 * time.Second, asynq.RevokeTask.Error(), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			outcome, delay, result := queue.Decide(tt.err, queue.Situation{
				Attempt: tt.attempt, MaxAttempts: 4, Draining: tt.draining,
				Curve: jobs.Curve{Base: 10 * time.Second, Max: time.Hour}, Rnd: 0.5,
			})
			if outcome != tt.outcome || delay != tt.delay {
				t.Errorf("%s after %v, want %s after %v", outcome, delay, tt.outcome, tt.delay)
			}
			if tt.outcome == "done" {
				if result != nil {
					t.Errorf("asynq is told %v", result)
				}
				return
			}
			if result.Error() != tt.text {
				t.Errorf("text %q, want %q", result, tt.text)
			}
			if errors.Is(result, asynq.SkipRetry) != (tt.outcome == "dead") || errors.Is(result, asynq.RevokeTask) {
				t.Error("asynq is told the wrong thing")
			}
			if queue.IsFailure(result) != tt.failure {
				t.Errorf("counts as a failure: %v", !tt.failure)
			}
			if strings.HasPrefix(tt.text, "waiting") != strings.HasPrefix(result.Error(), enqueue.WaitPrefix) {
				t.Error("the inspector would not recognize it")
			}
		})
	}
}

func TestAsynqsOwnErrorsCount(t *testing.T) {
	t.Parallel()
	b := setup(t, handlers{})
	b.params.Curve, b.params.Rand = jobs.Curve{Base: time.Second, Max: time.Hour}, func() float64 { return 0.5 }
	server, err := queue.NewServer(b.params)
	if err != nil {
		t.Fatal(err)
	}
	for err, delay := range map[error]time.Duration{asynq.ErrLeaseExpired: 0, context.DeadlineExceeded: 4 * time.Second} {
		if !queue.IsFailure(err) {
			t.Errorf("%v uses no attempt", err)
		}
		if got := queue.RetryDelay(server, 2, err); got != delay {
			t.Errorf("%v: delay %v, want %v", err, got, delay)
		}
	}
}

func TestStoredTextIsBoundedUTF8(t *testing.T) {
	t.Parallel()
	_, _, result := queue.Decide(jobs.Permanent(errors.New("\xff"+strings.Repeat("é", 5000))), queue.Situation{})
	if text := result.Error(); !utf8.ValidString(text) || len(text) > 1001 {
		t.Errorf("%d bytes, valid %v", len(text), utf8.ValidString(text))
	}
}
