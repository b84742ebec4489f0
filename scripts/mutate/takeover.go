package main

// takeoverMutations are about sponsorships that another program has begun.
var takeoverMutations = []mutation{
	{"v1", "an adopted row is taken for one that never left", "jobs/sponsorship/adopt.go",
		`Wire{Offered: a.Email, Adopted: true,`,
		`Wire{Adopted: true,`,
		[]string{"./jobs/sponsorship"}},
	{"v2", "an adopted withdrawal goes out as an offer", "jobs/sponsorship/decide.go",
		` || s.Intent == IntentAdopt && s.Wire.Leaving)`,
		`)`,
		[]string{"./jobs/sponsorship"}},
	{"v3", "one silence ends what another program offered", "jobs/sponsorship/apply.go",
		`s.Wire.Tombstoned = !s.Wire.Known && !s.Wire.Adopted`,
		`s.Wire.Tombstoned = !s.Wire.Known`,
		[]string{"./jobs/sponsorship"}},
	{"v4", "an adopted row is refused where the plan may not sponsor", "jobs/sponsorship/apply.go",
		`|| next.Wire.Adopted && (!a.Others || a.Ineligible)):`,
		`):`,
		[]string{"./jobs/sponsorship"}},
	{"v5", "who was mailed before take-over is taken for known", "jobs/sponsorship/apply.go",
		`s.Status, s.Reason = Sent, s.unconfirmed()`,
		`s.Status = Sent`,
		[]string{"./jobs/sponsorship"}},
}
