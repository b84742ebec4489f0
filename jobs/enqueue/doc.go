// Package enqueue is the producer's side of the queue: it puts jobs in, says
// what became of them, and runs dead ones again. A hook written in Go needs
// this package, package jobs, and nothing else of ours.
//
//	rdb, err := enqueue.NewRedis("redis://127.0.0.1:6379/0")
//	...
//	receipt, err := enqueue.New(rdb, enqueue.Options{}).Enqueue(ctx, jobs.Redeem{...})
//
// A job is put in under an id, and an id is taken until the job has succeeded
// and its retention has passed. An enqueue that failed may therefore be sent
// again under the same id ([WithID], [WithIdempotency]) without ever running twice
// at once.
//
// The package never runs a job, never reads a sponsorship, and never hands out
// a job's arguments, which hold an address. How a kind is run (queue, attempts,
// timeout, retention) is [jobs.Kind.Policy]'s business alone.
package enqueue
