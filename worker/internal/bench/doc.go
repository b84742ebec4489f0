// Package bench holds the benchmarks behind the README's figures (make bench).
//
// Each one starts private servers (redis-server with an append-only file,
// nats-server with JetStream, a simulated cloud) and measures ours and a
// baseline in turns, within one run, so that what is reported is a ratio of two
// figures from the same minutes on the same machine. A benchmark fails when work
// was lost or done twice, never because it was slow.
//
// Run with -benchtime 1x: a benchmark repeats what needs repeating by itself.
// With -short the sizes are a tenth; BENCH_HUGE=1 adds the sync of a million
// rows. The package is never linked into a program; it stands below worker, though
// it measures both programs, because it needs the simulated cloud.
package bench
