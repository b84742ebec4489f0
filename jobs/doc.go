// Package jobs is the contract of a job: the kinds, their arguments, the policy
// by which each is run, and the errors by which a handler says what becomes of
// it. It imports the standard library, the domain and the fault codes only, so
// that a hook, a worker and a test can share it at no cost.
//
// It never talks to a queue: enqueue does that for producers, and the worker's
// own queue package for handlers.
//
// The path of a job: a producer validates and encodes an [Args]; the worker
// finds the handler by exact [Kind], decodes strictly with [Decode], and calls
// it with a [Job]. The handler returns nil, a plain error (try again later by
// [Backoff]), [RetryAfter], [Snooze] or [Permanent].
package jobs
