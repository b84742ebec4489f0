package main

// mutations are the ways in which the code is broken on purpose. Old is
// replaced by New, once, in File; a test of one of Packages must then fail.
var mutations = []mutation{
	{"1a", "lost wake-up: accept does not note the work", "worker/internal/ledger/lua/accept.lua",
		`redis.call('ZADD', K.work, 'NX', now, ORG)
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/intake", "./worker/internal/reconcile"}},
	{"1b", "begin keeps woken", "worker/internal/ledger/lua/begin.lua",
		`redis.call('HDEL', K.org, 'woken')
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/intake", "./worker/internal/reconcile"}},
	{"1c", "begin does not raise generation", "worker/internal/ledger/lua/begin.lua",
		`redis.call('HINCRBY', K.org, 'generation', 1)
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/intake", "./worker/internal/reconcile"}},
	{"1d", "release drops work although something is left", "worker/internal/ledger/lua/release.lua",
		"if not left then redis.call('ZREM', K.work, ORG) end",
		"redis.call('ZREM', K.work, ORG)",
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"1e", "fail does not note the work again", "worker/internal/ledger/lua/fail.lua",
		`  redis.call('ZADD', K.work, retryAt, ORG)
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"1f", "ensure does not replace a dead wake-up", "jobs/enqueue/system.go",
		`if state != "archived" {`,
		`if state != "xarchived" {`,
		[]string{"./jobs/enqueue"}},
	{"2a", "accept sets no marker", "worker/internal/ledger/lua/accept.lua",
		`redis.call('SET', K.marker, '', 'PX', markerLife)
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/intake"}},
	{"2b", "marker lives 1 s", "worker/internal/ledger/accept.go",
		"const markerLife = 72 * time.Hour",
		"const markerLife = time.Second",
		[]string{"./worker/internal/ledger", "./worker/internal/intake", "./worker/internal/reconcile", "./jobs/enqueue"}},
	{"2c", "offered is not marked before the request", "jobs/sponsorship/plan.go",
		`out.Marked.Wire.Offered = s.Email
`,
		`
`,
		[]string{"./jobs/sponsorship", "./worker/internal/reconcile"}},
	{"2d", "tombstone not marked before the request", "jobs/sponsorship/plan.go",
		`out.Marked.Wire.Tombstoned = true
`,
		`
`,
		[]string{"./jobs/sponsorship", "./worker/internal/reconcile"}},
	{"2e", "an unprocessed 5xx is believed (marks taken back)", "worker/internal/cloud/error.go",
		"e.Status >= 300 && e.Status < 500",
		"e.Status >= 300 && e.Status < 600",
		[]string{"./worker/internal/cloud", "./worker/internal/reconcile"}},
	{"3a", "begin ignores the lease", "worker/internal/ledger/lua/begin.lua",
		`if redis.call('EXISTS', K.lease) == 1 then return {'busy'} end
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"3b", "heartbeat never renews", "worker/internal/reconcile/heartbeat.go",
		"err := s.Renew(bounded)",
		"var err error; _ = bounded",
		[]string{"./worker/internal/reconcile"}},
	{"3c", "a lost lease does not end the requests", "worker/internal/reconcile/heartbeat.go",
		`			cancel(err)
`,
		`			_ = err
`,
		[]string{"./worker/internal/reconcile"}},
	{"3d", "lease taken for lost only after 10 lives", "worker/internal/reconcile/heartbeat.go",
		"time.Since(trusted) > ledger.LeaseLife*3/4",
		"time.Since(trusted) > ledger.LeaseLife*10",
		[]string{"./worker/internal/reconcile"}},
	{"3e", "release without looking whose lease", "worker/internal/ledger/lua/release.lua",
		`if not held(token) then return false end
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"3f", "write does not prolong the lease", "worker/internal/ledger/lua/write.lua",
		`  redis.call('PEXPIRE', K.lease, leaseLife)
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"4a", "nothing is held back behind a failed event", "jobs/events/publish.go",
		"blocked[batch[i].Key] = results[i] != nil",
		"blocked[batch[i].Key] = false",
		[]string{"./jobs/events"}},
	{"4b", "relay deletes what was not acknowledged", "worker/internal/relay/loop.go",
		`		case failure == nil:
			failure = err`,
		`		case failure == nil:
			acked = append(acked, entries[i].Position)
			failure = err`,
		[]string{"./worker/internal/relay"}},
	{"4c", "sync.failed at every retry", "worker/internal/ledger/lua/fail.lua",
		"if redis.call('HGET', K.org, 'errorCode') ~= code then",
		"if true then",
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"4d", "duplicate window of the stream 2 min", "jobs/events/stream.go",
		"leastDuplicates = 10 * time.Minute",
		"leastDuplicates = 2 * time.Minute",
		[]string{"./jobs/events"}},
	{"4e", "write emits events of rows that were not stored", "worker/internal/ledger/lua/write.lua",
		"  if put(now, unpack(ARGV, row, event - 1)) then",
		"  if put(now, unpack(ARGV, row, event - 1)) or true then",
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"4f", "an event's id holds no digest of what it says", "jobs/events/event.go",
		`	e.ID += "." + hex.EncodeToString(sum[:digestSize])
`,
		`	_ = hex.EncodeToString(sum[:digestSize])
`,
		[]string{"./jobs/events"}},
	{"4g", "a reader gives up at a limit of the server", "jobs/events/receive.go",
		"return slices.Contains(wrongRequest, refused.ErrorCode)",
		"return slices.Contains(wrongRequest, refused.ErrorCode) || refused.Code == 400",
		[]string{"./jobs/events"}},
	{"4h", "a watcher leaves a consumer whose answer was lost", "jobs/events/watch.go",
		`		w.forget(ctx) // an answer may be lost`,
		`		// an answer may be lost`,
		[]string{"./jobs/events"}},
	{"4i", "a reader with several filters asks an old server", "jobs/events/subscribe.go",
		"if err := canFilter(s.js.Conn(), s.subjects); err != nil {",
		"if err := canFilter(s.js.Conn(), nil); err != nil {",
		[]string{"./jobs/events"}},
	{"5a", "the pause (Retry-After) is not looked at", "worker/internal/cloud/limit.go",
		"return l.params.Redis.PTTL(ctx, pauseKey).Result() // negative without a pause",
		"return 0, nil",
		[]string{"./worker/internal/cloud"}},
	{"5b", "burst comes on top of the rate", "worker/internal/cloud/limit.go",
		"Rate: rate - burst + 1,",
		"Rate: rate,",
		[]string{"./worker/internal/cloud"}},
	{"5c", "period 60 instead of 61", "worker/internal/cloud/limit.go",
		"Period: 61 * time.Second",
		"Period: 60 * time.Second",
		[]string{"./worker/internal/cloud"}},
	{"5d", "breaker lets 5 probes through", "worker/internal/cloud/breaker.go",
		"MaxRequests: 1,",
		"MaxRequests: 5,",
		[]string{"./worker/internal/cloud"}},
	{"5e", "MaxWait 45 s -> 5 min", "worker/parts.go",
		"MaxWait: 45 * time.Second,",
		"MaxWait: 300 * time.Second,",
		[]string{"./worker", "./worker/internal/cloud", "./worker/internal/reconcile"}},
	{"6a", "put ignores the revision", "worker/internal/ledger/lua/prelude.lua",
		`if oldRevision ~= before then return false, old end
`,
		`
`,
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"6b", "rows changed since read are sent all the same", "worker/internal/reconcile/exchange.go",
		`			outdated[at[n]] = true
`,
		"",
		[]string{"./worker/internal/reconcile"}},
	{"6c", "askFresh 1 min -> 24 h", "jobs/sponsorship/plan.go",
		"askFresh = time.Minute",
		"askFresh = 24 * time.Hour",
		[]string{"./jobs/sponsorship", "./worker/internal/reconcile"}},
	{"7a", "failure with an old token pauses the new connection", "worker/internal/ledger/lua/fail.lua",
		"local superseded = pause == '1' and number('connections') ~= tonumber(connections)",
		"local superseded = false",
		[]string{"./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"7b", "resume does not restore the schedule", "jobs/state/lua/prelude.lua",
		`  if nextSync > 0 then redis.call('ZADD', K.schedule, 'NX', nextSync, ORG) end
`,
		`
`,
		[]string{"./jobs/state", "./worker/internal/ledger", "./worker/internal/reconcile"}},
	{"8a", "address in a fault message", "jobs/sponsorship/decide.go",
		`"redeem: the member already sponsors another address")`,
		`"redeem: the member already sponsors %s", s.Email)`,
		[]string{"./jobs/sponsorship", "./worker/internal/intake", "./worker/internal/queue"}},
	{"9a", "shutdown uses an attempt", "worker/internal/queue/decision.go",
		`	case s.draining:
		return decision{OutcomeInterrupted, err, delay}
`,
		"",
		[]string{"./worker/internal/queue"}},
	{"9b", "no last pass of the relay", "worker/internal/relay/relay.go",
		`			r.finish(ctx, shard)
`,
		"",
		[]string{"./worker/internal/relay"}},
	{"9c", "relay stops before the jobs have drained", "worker/work.go",
		`	err = w.serve(ctx, h)
	stopRelay()`,
		`	context.AfterFunc(ctx, stopRelay)
	err = w.serve(ctx, h)
	stopRelay()`,
		[]string{"./worker"}},
	{"9d", "pipeline: lost command not repeated", "worker/internal/pipeline/pipeline.go",
		"c.lost = unsent || c.cmd.Err() != nil && !isReply(c.cmd.Err())",
		"c.lost = unsent",
		[]string{"./worker/internal/pipeline"}},
	{"9e", "pipeline: sender cancels the others", "worker/internal/pipeline/pipeline.go",
		`	ctx = context.WithoutCancel(ctx) // the sender's end is not the others'
`,
		"",
		[]string{"./worker/internal/pipeline"}},
	{"9f", "unmarks are not written", "worker/internal/reconcile/exchange.go",
		`	if _, unmarkErr := r.session.Apply(ctx, unmarks(items)); unmarkErr != nil {`,
		`	if _, unmarkErr := r.session.Apply(ctx, nil); unmarkErr != nil {`,
		[]string{"./worker/internal/reconcile"}},
	{"s1", "a local part of any length", "jobs/sponsorship/address.go",
		"case len(local) > maxLocal:",
		"case len(local) > MaxText:",
		[]string{"./jobs/sponsorship"}},
	{"s2", "a domain without a dot", "jobs/sponsorship/address.go",
		`case !strings.Contains(domain, "."):`,
		`case !strings.Contains(address, "."):`,
		[]string{"./jobs/sponsorship"}},
}
