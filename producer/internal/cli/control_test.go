package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// What a terminal would obey: clear the screen, set the clipboard, color, go back, turn
// the direction; and a line of its own.
const evil = "\x1b[2J\x1b]52;c;eA==\x07\u009b31m\r\u202eX\nerror: forged"

// requireHarmless fails on anything that a terminal obeys.
func requireHarmless(t *testing.T, r result) {
	t.Helper()
	requireAbsent(t, r.out+r.err, "\x1b", "\x07", "\u009b", "\r", "\u202e")
	for line := range strings.Lines(r.out + r.err) {
		if strings.HasPrefix(strings.TrimSpace(line), "error: forged") {
			t.Errorf("a line was forged:\n%s", r.out+r.err)
		}
	}
}

// Whoever may publish on NATS must not write on terminals.
func TestWatchIsNotObeyed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish()
	nc := jobstest.Value(nats.Connect(b.stack.NATSURL()))(t)
	defer nc.Close()
	js := jobstest.Value(nc.JetStream())(t)
	for kind, payload := range map[string]string{
		"sync.unheard": `{"specversion":"1.0","id":"1","source":"QQ","type":"sponsorsync.sync.unheard","subject":"` + acme + `","time":"2026-05-06T07:08:09Z","data":{}}`,
		"sync.failed":  `{"specversion":"1.0","id":"2","source":"x","type":"sponsorsync.sync.failed","subject":"` + acme + `","time":"2026-05-06T07:08:09Z","data":{"organizationId":"` + acme + `","trigger":"QQ","error":{"code":"cloud_unavailable","message":"QQ"}}}`,
	} {
		escaped := strings.NewReplacer("\x1b", `\u001b`, "\x07", `\u0007`, "\r", `\r`, "\n", `\n`).Replace(evil) // the others raw, as JSON allows
		_ = jobstest.Value(js.Publish("sponsorsync."+acme+"."+kind, []byte(strings.ReplaceAll(payload, "QQ", escaped))))(t)
	}
	for _, lines := range [][]string{b.watch(8), b.watch(8, "--json")} {
		jobstest.Equal(t, "lines", len(lines), 8)
		requireHarmless(t, result{out: strings.Join(lines, "\n")})
	}
}

// Nor must a member's file, a name in the ledger, or what stands in Redis.
func TestForeignTextIsNotObeyed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	field := strings.NewReplacer("\x1b", `\u001b`, "\x07", `\u0007`, "\r", `\r`, "\n", `\n`).Replace(evil)
	r := b.runWith(`{"organizationUserId":"`+member+`","sponsoredEmail":"`+address+`","`+field+`":1}`, "redeem", "--org", acme, "--file", "-")
	requireStatus(t, r, 2)
	requireHarmless(t, r)

	b.store(sponsorship.Sponsorship{
		UserID: member, Status: sponsorship.Refused, Name: evil, Email: address, UpdatedAt: time.Now(),
		Reason: &sponsorship.Reason{Code: fault.NotAccepted, Message: evil},
	})
	for _, args := range [][]string{{"status", "--org", acme}, {"status", "--org", acme, "--json"}} {
		requireHarmless(t, b.run(args...))
	}
	own, _, _ := strings.Cut(evil, "\n")
	for _, args := range [][]string{{own}, {"redeem", "--" + own}, {"status", "--org", own}, {"--env-file", own, "status"}} {
		requireHarmless(t, b.run(args...))
	}
}
