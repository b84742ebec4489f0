package main

// durableMutations break what survives a crash of Redis, and of whoever writes there.
var durableMutations = []mutation{
	{"d1", "a beat fails where Redis has forgotten the script", "worker/internal/ledger/clock.go",
		`if redis.HasErrorPrefix(err, "NOSCRIPT") {`,
		`if false {`,
		[]string{"./worker/internal/ledger"}},
}
