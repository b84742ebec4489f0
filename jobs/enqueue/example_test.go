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
