// Package queue joins typed handlers to asynq: what comes in is decoded
// strictly and handed to the handler of exactly its kind, and what the handler
// returns decides what becomes of the job.
//
//	nil               done
//	jobs.Refused      was impossible; its record says why
//	jobs.Permanent    dead at once
//	jobs.Snooze       runs again later; no attempt used, no failure
//	jobs.RetryAfter   runs again no sooner than it says; one attempt used
//	any other error   runs again by the backoff curve; one attempt used
//
// An error while the worker is shutting down uses no attempt either: the next
// worker runs the job again at once.
//
// No job dies unseen. asynq archives a job whose worker was killed without
// telling anybody, so jobs are enqueued with one try more than they have
// attempts. The spare runs no handler: it says why, and ends the job.
// For the same reason a snooze is a true one even after the last
// attempt but one.
//
// A job that cannot even be decoded is dead, too, and does not keep asynq from
// recovering others (damaged.go).
//
// The package enqueues nothing but that job's stand-in, knows no kind by name,
// and never logs arguments.
package queue
