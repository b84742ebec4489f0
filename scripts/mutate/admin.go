package main

// adminMutations break what an admin is told.
var adminMutations = []mutation{
	{"h1", "nobody is told that no worker runs", "internal/health/judge.go",
		"case len(alive) == 0:",
		"case false:",
		[]string{"./internal/health"}},
	{"h2", "a queue that somebody paused looks well", "internal/health/judge.go",
		"case len(paused) > 0:",
		"case false:",
		[]string{"./internal/health"}},
	{"h3", "a scheduler that is gone looks well", "jobs/state/scheduler.go",
		"s.Silent <= 3*s.Interval+schedulerSlack",
		"s.Silent >= 0",
		[]string{"./jobs/state", "./internal/health"}},
	{"h4", "a wait says nothing of a standstill", "producer/internal/cli/wait.go",
		"w.say(everything, w.s.standstill(ctx, w.app.Now))",
		"_ = everything",
		[]string{"./producer/internal/cli"}},
	{"h5", "a license that was refused is shown as a sync that failed", "producer/internal/view/organization.go",
		"lastError(org), showFailure(org.LastLicenseError)",
		"showFailure(org.LastLicenseError), showFailure(org.LastLicenseError)",
		[]string{"./producer/internal/view"}},
}
