package main

// durableMutations break what survives a crash of Redis, and of whoever writes there.
var durableMutations = []mutation{
	{"d1", "a beat fails where Redis has forgotten the script", "worker/internal/ledger/clock.go",
		`if redis.HasErrorPrefix(err, "NOSCRIPT") {`,
		`if false {`,
		[]string{"./worker/internal/ledger"}},
	{"d2", "a file that is never on disk is taken for one that is", "worker/internal/durable/ability.go",
		`a.Fsync != "no" && `,
		``,
		[]string{"./worker/internal/durable"}},
	{"d3", "doctor believes the settings of Redis", "worker/internal/doctor/redis.go",
		`c.Name == queue.RedisDurability && c.Status == OK`,
		`false`,
		[]string{"./worker/internal/doctor"}},
}
