// Command bare is the least worker that can be made of asynq: the yardstick for
// the size of ours.
package main

import (
	"context"
	"log"
	"os"

	"github.com/hibiken/asynq"
)

// main takes a Redis URL and the name of a queue.
func main() {
	redis, err := asynq.ParseRedisURI(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := asynq.NewServer(redis, asynq.Config{Concurrency: 24, Queues: map[string]int{os.Args[2]: 1}})
	if err := server.Run(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return nil })); err != nil {
		log.Fatal(err)
	}
}
