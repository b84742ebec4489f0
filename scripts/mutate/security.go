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
	{"e12", "an address guesses as often as it likes", "producer/internal/access/guard.go",
		`len(tried) >= triesEach ||`,
		`len(tried) >= 1<<30 ||`,
		[]string{"./producer/internal/access"}},
	{"e13", "many addresses guess as often as they like", "producer/internal/access/guard.go",
		`g.total >= triesInAll`,
		`g.total >= 1<<30`,
		[]string{"./producer/internal/access"}},
	{"e14", "a repeated token locks others out", "producer/internal/access/guard.go",
		`	if tried[a.token] {
		return
	}
`,
		`	a.token[0] += byte(len(tried))
`,
		[]string{"./producer/internal/access"}},
	{"e15", "many addresses lock out who was here before", "producer/internal/access/guard.go",
		`	proven := a.at.Before(g.proven[a.peer])
`,
		`	proven := false
`,
		[]string{"./producer/internal/access"}},
	{"e16", "a stranger says where he comes from", "producer/internal/access/guard.go",
		`(addr.IsLoopback() || addr.IsPrivate())`,
		`(addr.IsLoopback() || addr.IsValid())`,
		[]string{"./producer/internal/access"}},
	{"e17", "a session goes on after it was signed out", "producer/internal/access/session.go",
		`a.p.Redis.Del(r.Context(), sessionKey+digestOf(c.Value))`,
		`a.p.Redis.Del(r.Context(), digestOf(c.Value))`,
		[]string{"./producer/internal/access"}},
	{"e18", "a session goes on with nobody there", "producer/internal/access/session.go",
		`now.Sub(s.Seen) >= SessionIdle`,
		`now.Sub(s.Seen) >= SessionLife`,
		[]string{"./producer/internal/access"}},
	{"e19", "a page that refreshes itself is somebody", "producer/internal/access/session.go",
		`r.Header.Get(byItself) != "" ||`,
		`r.Header.Get(byItself) == "none" ||`,
		[]string{"./producer/internal/access"}},
	{"e20", "an event stream outlives its session", "producer/internal/api/events.go",
		`if !reader.signedIn() {`,
		`if reader.signedIn == nil {`,
		[]string{"./producer/internal/api"}},
	{"e21", "another token leaves sessions as they are", "producer/internal/access/session.go",
		`	mac.Write(p.token[:])
`,
		``,
		[]string{"./producer/internal/access"}},
}
