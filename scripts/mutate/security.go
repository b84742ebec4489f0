package main

// securityMutations are about who may do what, and what strangers cost.
var securityMutations = []mutation{
	{"e1", "the body of a hopeless hook is read", "producer/internal/api/jobs.go",
		`	if err := a.p.Access.CheckHeaders(r.Header); err != nil {
		return nil, "", err
	}
`,
		``,
		[]string{"./producer/internal/api"}},
	{"e2", "any number of unverified bodies is read at once", "producer/internal/api/jobs.go",
		`unverifiedAtOnce = 16
`,
		`unverifiedAtOnce = 1 << 20
`,
		[]string{"./producer/internal/api"}},
	{"e3", "the id of a hook is anybody's idempotency key", "producer/internal/api/jobs.go",
		`return body, "hook " + r.Header`,
		`return body, r.Header`,
		[]string{"./producer/internal/api"}},
	{"e4", "a signature names any number of organizations", "producer/internal/quota/quota.go",
		`if added.Val() == 0 || all.Val() <= DailyStrangers {`,
		`if added.Val() == 0 || all.Val() > 0 {`,
		[]string{"./producer/internal/quota"}},
	{"e5", "a signature asks for any number of jobs", "producer/internal/quota/quota.go",
		`if taken.Val() <= HourlyJobs {`,
		`if taken.Val() > 0 {`,
		[]string{"./producer/internal/quota"}},
	{"e6", "a key of equal bytes will do", "config/checks.go",
		`return len(seen) < 8`,
		`return len(seen) < 1`,
		[]string{"./config"}},
	{"e7", "rows that nobody asked for are read to the end", "worker/internal/cloud/rows.go",
		`		if err != nil || !asked[user.String()] {
			return nil, errNotAsked
		}
`,
		`		_ = err
`,
		[]string{"./worker/internal/cloud"}},
	{"e8", "the host of a redirect is quoted whatever it is", "worker/internal/cloud/classify.go",
		`!hostName.MatchString(u.Hostname())`,
		`u.Host == ""`,
		[]string{"./worker/internal/cloud"}},
	{"e9", "a token of no installation is everybody's", "worker/internal/license/token.go",
		`if _, present := claims["InstallationId"]; !present {`,
		`if _, present := claims["InstallationId"]; !present && claims == nil {`,
		[]string{"./worker/internal/license"}},
	{"e10", "a request leaves that the cloud does not read to its end", "worker/internal/cloud/call.go",
		`if len(payload) > MaxBody {`,
		`if len(payload) > 2*MaxBody {`,
		[]string{"./worker/internal/cloud"}},
	{"e11", "HTTP/2 is spoken to the cloud", "worker/internal/cloud/transport.go",
		`t.Protocols.SetHTTP1(true)`,
		`t.Protocols.SetHTTP1(true); t.Protocols.SetHTTP2(true)`,
		[]string{"./worker/internal/cloud"}},
}
