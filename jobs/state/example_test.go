package state_test

import (
	"context"
	"fmt"
	"log"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// What an organization's sponsorships are at, as a program of yours may read it.
func ExampleLedger_List() {
	store, err := miniredis.Run() // in production: REDIS_URL
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	rdb := redis.NewClient(&redis.Options{Addr: store.Addr()})
	defer func() { _ = rdb.Close() }()
	const org = sponsorship.ID("6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f")
	err = jobstest.Ledger{Redis: rdb}.Put(context.Background(), sponsorship.Sponsorship{
		OrganizationID: org, UserID: "0b0b0b0b-ab5d-4bb3-9b7a-000000000001",
		Status: sponsorship.Sent, Email: "ann@example.com", Revision: 2,
	})
	if err != nil {
		log.Fatal(err)
	}

	ledger := state.New(rdb, nil) // without keys: tokens cannot be read
	all, next, err := ledger.List(context.Background(), org, state.Page{Limit: 100})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range all {
		fmt.Println(s.UserID, s.Status, s.Email)
	}
	fmt.Printf("next page: %q\n", next)
	// Output:
	// 0b0b0b0b-ab5d-4bb3-9b7a-000000000001 sent ann@example.com
	// next page: ""
}
