package jobstest_test

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// A test of a console hook needs a store and nothing else.
func ExampleStart() {
	stack, err := jobstest.Start(jobstest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = stack.Close() }()
	options, err := redis.ParseURL(stack.RedisURL())
	if err != nil {
		fmt.Println(err)
		return
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	fmt.Println(client.Ping(context.Background()))
	// Output: ping: PONG
}
