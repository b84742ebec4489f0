package events_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// reluctant makes consumers only after it has answered with these errors, each
// twice. With done set it makes the consumer all the same, as when an answer is lost.
type reluctant struct {
	jetstream.JetStream
	errs []error
	done bool
}

func (r *reluctant) CreateConsumer(ctx context.Context, stream string, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if len(r.errs) == 0 {
		return r.JetStream.CreateConsumer(ctx, stream, c)
	}
	err := r.errs[0]
	r.errs = r.errs[1:]
	if r.done {
		_, failure := r.JetStream.CreateConsumer(ctx, stream, c)
		err = errors.Join(err, failure)
	}
	return nil, err
}

func refusal(status int, code jetstream.ErrorCode) error {
	return &jetstream.APIError{Code: status, ErrorCode: code, Description: "no"}
}

// Whatever the server has against a reader may pass: it is told of once, and
// the reader goes on by itself.
func TestWatchOutlivesEveryRefusal(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"consumer limit":     refusal(400, 10026),
		"account limits":     refusal(400, 10002),
		"no suitable peers":  refusal(400, 10005),
		"no applicable tier": refusal(400, 10120),
		"no leader":          refusal(503, 10008),
		"no answer":          context.DeadlineExceeded,
		"old server":         jetstream.ErrConsumerMultipleFilterSubjectsNotSupported,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
			troubles, live := make(chan error, 10), make(chan bool, 10)
			got := watch(t, &reluctant{JetStream: b.js, errs: []error{err, err}}, events.WatchOptions{
				Since: noon.AddDate(-1, 0, 0), Trouble: func(err error) { troubles <- err }, Live: func(up bool) { live <- up }}, 1)
			jobstest.Equal(t, "sequence", got[0].Sequence, 1)
			jobstest.Equal(t, "times it was told of", len(troubles), 1)
			if told := <-troubles; !errors.Is(told, err) {
				t.Errorf("told of %v, want %v", told, err)
			}
			jobstest.Equal(t, "live", <-live, true)
		})
	}
}

func TestWatchEndsWhereTimeMendsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := events.Watch(t.Context(), &reluctant{JetStream: b.js, errs: []error{refusal(400, 10138)}}, events.WatchOptions{},
		func(events.Record) error { return nil })
	if err == nil {
		t.Error("no error")
	}
}

// A consumer may be there although making it failed. The server has room for so many.
func TestWatchRemovesAConsumerWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
	lost := &reluctant{JetStream: b.js, errs: []error{context.DeadlineExceeded}, done: true}
	left := make(chan int, 1)
	watch(t, lost, events.WatchOptions{Since: noon.AddDate(-1, 0, 0),
		Trouble: func(error) { left <- b.state(t).Consumers }}, 1)
	jobstest.Equal(t, "consumers after the failure", <-left, 0)
}

func TestWatchLeavesNoConsumerBehind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
	enough := errors.New("enough")
	err := events.Watch(t.Context(), b.js, events.WatchOptions{Since: noon.AddDate(-1, 0, 0)}, func(events.Record) error {
		stream, err := b.js.Stream(t.Context(), events.StreamName)
		jobstest.Must(t, err)
		for c := range stream.ListConsumers(t.Context()).Info() {
			if c.Config.InactiveThreshold > 15*time.Second {
				t.Errorf("a killed watcher leaves its consumer for %v", c.Config.InactiveThreshold)
			}
			jobstest.Equal(t, "filter, as a permission sees it", c.Config.FilterSubject, "sponsorsync.>")
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	jobstest.Equal(t, "consumers", b.state(t).Consumers, 0)
}

// A server before 2.10 makes the consumer without its filters, and the client
// then refuses it: nothing must be made there.
func TestSubscribeAsksAnOldServerForNothing(t *testing.T) {
	t.Parallel()
	js := connect(t, jobstest.NATSOfVersion(t, "2.9.10"))
	troubles := make(chan error, 1)
	background(t, func(ctx context.Context) error {
		return events.Subscribe(ctx, js, events.Options{Durable: "crm", Trouble: func(err error) { troubles <- err }},
			events.On(func(context.Context, sponsorshipEvent) error { return nil }),
			events.On(func(context.Context, events.Event[events.Sync]) error { return nil }))
	})
	if err := next(t, troubles); !errors.Is(err, events.ErrServerTooOld) || !strings.Contains(err.Error(), "2.9.10") {
		t.Errorf("got %v", err)
	}
	if err := events.Health(js.Conn()); !errors.Is(err, events.ErrServerTooOld) {
		t.Errorf("health is %v", err)
	}
}

func TestCheckServer(t *testing.T) {
	t.Parallel()
	for version, old := range map[string]bool{
		"2.9.10": true, "1.4.1": true, "2.9.25-RC.1": true, "2.10.0": false, "2.10.29": false, "2.15.2": false,
		"2.11.0-dev": false, "3.0.0": false, "": false, "nightly": false,
	} {
		if err := events.CheckServer(version); errors.Is(err, events.ErrServerTooOld) != old {
			t.Errorf("%q: %v", version, err)
		}
	}
}
