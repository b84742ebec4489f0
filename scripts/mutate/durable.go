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
	{"d4", "a batch that the cloud does not answer in time goes again whole", "worker/internal/reconcile/split.go",
		`return max(fewest, rows/2)`,
		`return rows`,
		[]string{"./worker/internal/reconcile"}},
	{"d5", "the next attempt does not know that the batch was too large", "worker/internal/ledger/lua/fail.lua",
		`redis.call('HSET', K.org, 'mostRows', most)`,
		``,
		[]string{"./worker/internal/reconcile"}},
}
