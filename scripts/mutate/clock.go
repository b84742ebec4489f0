package main

// clockMutations break the ledger's time, and what rests on it.
var clockMutations = []mutation{
	{"T1", "the ledger's time goes back with Redis' clock", "jobs/state/lua/prelude.lua",
		"    redis.call('HSET', K.clock, 'offset', offset + last - now)\n",
		"\n",
		[]string{"./worker/internal/ledger"}},
	{"T2", "a jump of the time is not noticed", "jobs/state/lua/prelude.lua",
		"if now - last > 60000 then",
		"if false then",
		[]string{"./worker/internal/ledger"}},
	{"T3", "an emptied ledger counts revisions from 0", "jobs/state/lua/prelude.lua",
		"last, floor = wall + offset, wall + offset",
		"last, floor = wall + offset, 0",
		[]string{"./worker/internal/ledger"}},
	{"T4", "another run of Redis does not raise the floor", "worker/internal/ledger/lua/run.lua",
		"if not known then return {now, floor, 0} end",
		"if true then return {now, floor, 0} end",
		[]string{"./worker/internal/ledger"}},
	{"T5", "a worker dates by its own clock", "worker/internal/ledger/clock.go",
		"return r.ledger.Add(time.Since(r.taken))",
		"return time.Now().UTC()",
		[]string{"./worker/internal/reconcile"}},
}
