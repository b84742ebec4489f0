package enqueue_test

import (
	"context"
	"fmt"
	"log"

	"github.com/alicebob/miniredis/v2"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
)

// A hook that offers a sponsorship, and may be called twice for one order.
func ExampleClient_Enqueue() {
	store, err := miniredis.Run() // in production: REDIS_URL
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	rdb, err := enqueue.NewRedis("redis://" + store.Addr())
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = rdb.Close() }()
	queue := enqueue.New(rdb, enqueue.Options{})

	for range 2 {
		receipt, err := queue.Enqueue(context.Background(), jobs.Redeem{
			OrganizationID:     "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f",
			OrganizationUserID: "0b0b0b0b-ab5d-4bb3-9b7a-000000000001",
			SponsoredEmail:     "ann@example.com",
		}, enqueue.WithID("order-4711"))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(receipt.Kind, receipt.ID, receipt.Duplicate)
	}
	// Output:
	// redeem order-4711 false
	// redeem order-4711 true
}

// Many jobs in one request, which may be sent twice.
func ExampleClient_EnqueueAll() {
	queue, done := exampleQueue()
	defer done()
	batch := []jobs.Args{
		jobs.Redeem{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: "ann@example.com"},
		jobs.Sync{OrganizationID: org},
	}
	for range 2 {
		receipts, err := queue.EnqueueAll(context.Background(), batch, enqueue.WithIdempotency(enqueue.Idempotency{Key: "order-4711"}))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(receipts[0].Kind, receipts[1].Kind, receipts[0].Duplicate)
	}
	// Output:
	// redeem sync false
	// redeem sync true
}

// What became of a job, and what to do if it died: see Retry and Delete.
func ExampleInspector() {
	queue, done := exampleQueue()
	defer done()
	ctx := context.Background()
	if _, err := queue.Enqueue(ctx, jobs.Sync{OrganizationID: org}, enqueue.WithID("order-4712")); err != nil {
		log.Fatal(err)
	}
	inspector := enqueue.NewInspector(queue)
	status, known, err := inspector.Job(ctx, "order-4712")
	if err != nil || !known {
		log.Fatal(err)
	}
	fmt.Println(status.Kind, status.State, status.Attempts)
	for dead, err := range inspector.Dead(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(dead.ID, dead.LastError, dead.LastError.Hint())
	}
	fmt.Println(inspector.Delete(ctx, "order-4712"))
	// Output:
	// sync pending 0
	// the job is not dead
}

// exampleQueue stands for enqueue.New with the Redis of REDIS_URL.
func exampleQueue() (*enqueue.Client, func()) {
	store, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	rdb, err := enqueue.NewRedis("redis://" + store.Addr())
	if err != nil {
		log.Fatal(err)
	}
	return enqueue.New(rdb, enqueue.Options{}), func() { _ = rdb.Close(); store.Close() }
}
