// Package jobstest is the outside world for tests: a Redis-compatible store and
// a JetStream server.
//
// [Start] runs both inside the process, in a few milliseconds, on free ports and
// with nothing to install. [RealRedis] and [RealNATS] run the true servers as
// child processes that a test may kill, freeze and restart; they are for tests
// about what the embedded ones cannot show: crashes, stalls, lost power.
//
// [RequireEvent], [RequireEnqueued] and [Eventually] wait for what must come
// true, and say what they saw instead. [Must], [Value] and [Equal] are the checks
// that every test needs.
//
// [Ledger] puts sponsorships and failed syncs there without a worker.
//
// The package is for tests and for the development stack. Nothing that runs in
// production may import it.
package jobstest
