package main

// besideMutations break what workers of several releases know of each other.
var besideMutations = []mutation{
	{"b1", "an older worker holds nobody back", "jobs/state/workers.go",
		`if w.Lives && w.Safety < level {`,
		`if false {`,
		[]string{"./worker/internal/registry"}},
	{"b2", "a worker that does not register is not seen", "jobs/enqueue/workers.go",
		`return append(registered, others...), nil`,
		`return registered, nil`,
		[]string{"./jobs/enqueue"}},
	{"b3", "a request leaves beside an older worker", "worker/parts.go",
		`if why := l.older(); why != "" {`,
		`if why := l.older(); false {`,
		[]string{"./worker"}},
	{"b4", "nobody waits for the older worker's end", "worker/internal/registry/guard.go",
		`for g.Older() != "" && jobs.Sleep(ctx, time.Second) == nil {`,
		`for false && jobs.Sleep(ctx, time.Second) == nil {`,
		[]string{"./worker/internal/registry"}},
}
