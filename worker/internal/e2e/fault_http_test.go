package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// serve starts a producer's server and waits until it is up.
func (l *lab) serve() *program { return l.run("producer", "serve").ready() }

// post sends a hook to a server. Without headers it uses the API's token.
func (l *lab) post(to *program, body []byte, headers map[string]string) (status int, answer []byte) {
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, "http://"+to.address()+"/v1/jobs", bytes.NewReader(body))
	if err != nil {
		return 0, []byte(err.Error())
	}
	req.Header.Set("Content-Type", "application/json")
	if headers == nil {
		headers = map[string]string{"Authorization": "Bearer " + apiToken}
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer res.Body.Close()
	answer, _ = io.ReadAll(res.Body)
	return res.StatusCode, answer
}

// TestAHookDeliveredAHundredTimes, all at once and to two servers: one
// set of jobs, one effect, one answer but for the word that it is a repeat.
func TestAHookDeliveredAHundredTimes(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of the Standard Webhooks' own test vectors
	l := setupFaults(t, 1, append(hasty, "SPONSORSYNC_HOOK_SECRET="+secret)...)
	l.worker()
	servers := []*program{l.serve(), l.serve()}
	l.started()
	var hooks []map[string]any
	for n := range 5 {
		hooks = append(hooks, map[string]any{"kind": "redeem", "args": map[string]any{
			"organizationId": org, "organizationUserId": user(n), "sponsoredEmail": address(n),
		}})
		l.members[n] = &member{org: org, status: sponsorship.Sent, mailed: []string{address(n)}}
	}
	body, err := json.Marshal(hooks)
	jobstest.Must(t, err)
	signed := sign(t, secret, body)
	answers := make(chan string, 100)
	for i := range cap(answers) {
		go func() { answers <- l.deliver(servers[i%2], body, signed) }()
	}
	told := map[string]int{}
	for range cap(answers) {
		told[<-answers]++
	}
	first := 0
	var repeat string
	for text, n := range told {
		if repeat = strings.ReplaceAll(text, "false", "true"); repeat != text {
			first += n
		}
	}
	if first > 1 || len(told) > 1+first { // none is told to be the first if that one was answered 503
		t.Fatalf("the answers are %v; want one at most that is the first, and the others the same but for that", told)
	}
	other := bytes.Replace(body, []byte(address(4)), []byte(address(5)), 1)
	if status, text := l.post(servers[0], other, sign(t, secret, other)); status != http.StatusUnprocessableEntity {
		t.Errorf("another body under the same id: status %d, want 422: %s", status, text)
	}
	var receipts []struct{ ID string }
	jobstest.Must(t, json.Unmarshal([]byte(repeat), &receipts))
	for _, r := range receipts {
		l.acked = append(l.acked, r.ID)
	}
	l.jobsDone(deadline)
	l.check()
}

// deliver sends a hook as hooks are sent: until it is taken. Under load a server
// says 503 rather than nothing.
func (l *lab) deliver(to *program, body []byte, headers map[string]string) string {
	for l.t.Context().Err() == nil {
		switch status, answer := l.post(to, body, headers); status {
		case http.StatusAccepted:
			return strings.TrimSpace(string(answer))
		case http.StatusServiceUnavailable:
		default:
			return fmt.Sprintf("status %d: %s", status, answer)
		}
	}
	return "the test has ended"
}

func sign(t *testing.T, secret string, body []byte) map[string]string {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	jobstest.Must(t, err)
	now := time.Now()
	signature, err := hook.Sign("msg-1", now, body)
	jobstest.Must(t, err)
	return map[string]string{
		"webhook-id": "msg-1", "webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-signature": signature,
	}
}

// TestHooksWhileRedisHangs are answered 503, and the server takes them
// again when Redis does, without a restart.
func TestHooksWhileRedisHangs(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	l.worker()
	server := l.serve()
	l.started()
	body := []byte(`{"kind":"redeem","args":{"organizationId":"` + string(org) + `","organizationUserId":"` + string(user(0)) + `","sponsoredEmail":"` + address(0) + `"}}`)
	headers := map[string]string{"Authorization": "Bearer " + apiToken, "Idempotency-Key": "hook-1"}
	for name, fail := range map[string]func(){"hung": l.redis.Pause, "gone": l.redis.Kill} {
		fail()
		status, answer := l.post(server, body, headers)
		if status != http.StatusServiceUnavailable || !strings.Contains(string(answer), string(fault.QueueUnavailable)) {
			t.Errorf("Redis %s: status %d, want 503 with queue_unavailable: %s", name, status, answer)
		}
		if name == "hung" {
			l.redis.Resume()
		} else {
			l.redis.Restart()
		}
	}
	l.members[0] = &member{org: org, status: sponsorship.Sent, mailed: []string{address(0)}}
	jobstest.Eventually(t, deadline, func() bool {
		status, _ := l.post(server, body, headers)
		return status == http.StatusAccepted
	})
	l.check()
}

// TestSchedulersKilled: three of them, one killed at a tick, then all of
// them gone for longer than an interval. Each interval has one sync, and what was
// missed is made up for once.
func TestSchedulersKilled(t *testing.T) {
	t.Parallel()
	const interval = 3 * time.Second
	l := setupFaults(t, 2, append(hasty, "SPONSORSYNC_SYNC_INTERVAL="+interval.String())...)
	l.worker()
	servers := []*program{l.serve(), l.serve(), l.serve()}
	l.redeem(l.orgs[0], 0, 5)
	l.pending()
	l.started()
	l.scheduled(1)
	servers[0].kill()
	l.scheduled(scaled(2, 10))
	for _, s := range servers[1:] {
		s.kill()
	}
	jobstest.Eventually(t, deadline, func() bool { // two dates have passed
		o, _, err := l.ledger.Organization(t.Context(), org)
		return err == nil && o.NextSyncAt != nil && time.Since(*o.NextSyncAt) > interval
	})
	missed := len(l.scheduledSyncs()[org])
	l.serve()
	l.scheduled(missed + 2)
	l.check()
	for id, dates := range l.scheduledSyncs() {
		for i, at := range dates[1:] {
			if gap := at.Sub(dates[i]); gap < interval {
				t.Errorf("organization %s was synced %v after the last time, want at least %v", id, gap, interval)
			}
		}
	}
}

// scheduled waits until every organization has had n scheduled syncs.
func (l *lab) scheduled(n int) {
	l.t.Helper()
	jobstest.Eventually(l.t, deadline, func() bool {
		all := l.scheduledSyncs()
		for _, o := range l.orgs {
			if len(all[o.id]) < n {
				return false
			}
		}
		return true
	})
}

// scheduledSyncs are the times of the scheduled syncs of each organization.
func (l *lab) scheduledSyncs() map[sponsorship.ID][]time.Time {
	l.t.Helper()
	all := map[sponsorship.ID][]time.Time{}
	for _, raw := range l.stream().raw {
		if e, err := events.Decode[events.Sync](raw); err == nil && e.Data.Trigger == "scheduled" {
			all[e.Data.OrganizationID] = append(all[e.Data.OrganizationID], e.Time)
		}
	}
	return all
}
