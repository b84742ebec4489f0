package events_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// A subscriber is a name and a function.
func ExampleSubscribe() {
	stack := exampleStack() // in production: the NATS_URL of the worker
	defer func() { _ = stack.Close() }()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()

	js, err := events.Connect(events.Connection{URL: stack.NATSURL(), Name: "crm"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer js.Conn().Close()
	err = events.Subscribe(ctx, js, events.Options{Durable: "crm", Filter: events.Filter{Status: sponsorship.Redeemed}},
		events.On(func(_ context.Context, e events.Event[events.Sponsorship]) error {
			fmt.Println(e.Data.OrganizationUserID, "went from", e.Data.From, "to", e.Data.To)
			stop() // the example has seen enough
			return nil
		}))
	if err != nil {
		fmt.Println(err)
	}
	// Output: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1 went from sent to redeemed
}

// Watch shows what happens, and where to go on next time.
func ExampleWatch() {
	stack := exampleStack()
	defer func() { _ = stack.Close() }()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	js, err := events.Connect(events.Connection{URL: stack.NATSURL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer js.Conn().Close()
	err = events.Watch(ctx, js, events.WatchOptions{Since: time.Now().Add(-time.Hour)}, func(r events.Record) error {
		fmt.Println(r.Sequence, r.Event.Type)
		stop()
		return nil
	})
	fmt.Println(err)
	// Output:
	// 1 sponsorsync.sponsorship.redeemed
	// <nil>
}

// exampleStack is a server whose stream holds one event.
func exampleStack() *jobstest.Stack {
	stack, err := jobstest.Start(jobstest.Options{})
	if err != nil {
		panic(err)
	}
	js, err := events.Connect(events.Connection{URL: stack.NATSURL()})
	if err != nil {
		panic(err)
	}
	defer js.Conn().Close()
	publisher := events.NewPublisher(js, events.Settings{})
	e, err := events.NewSponsorship(events.Sponsorship{
		OrganizationID: acme, OrganizationUserID: user1,
		From: sponsorship.Sent, To: sponsorship.Redeemed, Revision: 2,
	}, time.Now())
	if err != nil {
		panic(err)
	}
	if err := publisher.Publish(context.Background(), []events.Encoded{e})[0]; err != nil {
		panic(err)
	}
	return stack
}
