// Package workertest is a worker and the cloud, for tests of programs that stand on the
// other side of the queue and can't import what is internal to the worker: its own
// intake, syncs, sweeps and ledger, the simulated cloud with its mails, and a store,
// all on one clock that the test moves.
//
// Nothing runs by itself. A [Worker] takes one job when it is told to, whichever the
// test's randomness picks, and may be killed at any command to Redis. What asynq does
// around a job (fetching, leases, backoff) has tests of its own and is left out.
//
// It is for tests: no program may link it.
package workertest
