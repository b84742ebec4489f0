package main

// connectionMutations are about how Redis and NATS are reached, on one machine or several.
var connectionMutations = []mutation{
	{"15a", "an authority is set and nothing is encrypted", "config/tls.go",
		`if name := prefix + suffix; file != "" && plain != "" {`,
		`if name := prefix + suffix; file == "?" && plain != "" {`,
		[]string{"./config"}},
	{"15b", "whoever answers in Redis' place is believed", "config/tls.go",
		"		c.RootCAs = pool\n",
		"		c.RootCAs, c.InsecureSkipVerify = pool, true\n",
		[]string{"./config/boot"}},
	{"15c", "a renewed certificate waits for a restart", "config/tls.go",
		`		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
`,
		`		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
`,
		[]string{"./config"}},
	{"15d", "the JetStream domain is forgotten on the way", "config/boot/nats.go",
		", Domain: cfg.Domain,\n",
		",\n",
		[]string{"./config/boot"}},
	{"15r1", "a right that is missing is not named", "internal/redisrights/rights.go",
		`if Refused(q.cmd.Err()) {`,
		`if Refused(q.cmd.Err()) && q.pattern == "" {`,
		[]string{"./internal/redisrights"}},
	{"15r2", "what is asked for the rights is done", "internal/redisrights/rights.go",
		`pipe.Do(ctx, "discard")`,
		`pipe.Do(ctx, "exec")`,
		[]string{"./internal/redisrights"}},
	{"15r3", "the rule allows more than is used", "internal/redisrights/rights.go",
		`-@all +" +`,
		`-@all +@write +" +`,
		[]string{"./internal/redisrights"}},
	{"15r4", "a replica is taken for a primary", "worker/internal/queue/redis_findings.go",
		`case "slave":`,
		`case "replica":`,
		[]string{"./worker/internal/queue"}},
}
