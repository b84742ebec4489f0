package api_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

type receipt struct {
	ID        string    `json:"id"`
	Kind      jobs.Kind `json:"kind"`
	Duplicate bool      `json:"duplicate"`
}

func redeemJob(user any) string {
	return fmt.Sprintf(`{"kind":"redeem","args":{"organizationId":%q,"organizationUserId":%q,"sponsoredEmail":"family@example.com"}}`, acme, user)
}

func TestPostOneJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, redeemJob(user1), nil)
	jobstest.Equal(t, "status", a.status, http.StatusAccepted)
	r := read[receipt](t, a)
	jobstest.Equal(t, "kind", r.Kind, jobs.KindRedeem)
	jobstest.Equal(t, "duplicate", r.Duplicate, false)
	jobstest.Equal(t, "location", a.header.Get("Location"), "/v1/jobs/"+r.ID)
	jobstest.RequireEnqueued(t, b.redis, func(j jobs.Redeem) bool {
		return j.OrganizationUserID == user1 && j.SponsoredEmail == "family@example.com"
	})
	status := read[map[string]any](t, b.get(t, a.header.Get("Location")))
	jobstest.Equal[any](t, "state", status["state"], "pending")
	jobstest.Equal[any](t, "id", status["id"], r.ID)
	jobstest.Equal[any](t, "wish", status["wish"], "redeem")
	jobstest.Equal[any](t, "organization", status["organizationId"], string(acme))
	jobstest.Equal[any](t, "member", status["organizationUserId"], string(user1))
	if strings.Contains(b.log.String(), "family@") {
		t.Error("the log holds an address")
	}
}

func TestPostArrayIsInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, " [\n"+syncJob+","+redeemJob(user1)+"]", nil)
	jobstest.Equal(t, "status", a.status, http.StatusAccepted)
	r := read[[]receipt](t, a)
	jobstest.Equal(t, "length", len(r), 2)
	jobstest.Equal(t, "first", r[0].Kind, jobs.KindSync)
	jobstest.Equal(t, "second", r[1].Kind, jobs.KindRedeem)
	jobstest.Equal(t, "location", a.header.Get("Location"), "/v1/jobs/"+r[0].ID)
	jobstest.Equal(t, "jobs", b.jobCount(t), 2)
}

func TestPostThousand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	many := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(syncJob+",", n), ",") + "]" }
	a := b.post(t, many(1001), nil)
	jobstest.Equal(t, "status of 1001", a.status, http.StatusRequestEntityTooLarge)
	jobstest.Equal(t, "code", a.problem(t).Code, fault.PayloadTooLarge)
	jobstest.Equal(t, "jobs", b.jobCount(t), 0)
	jobstest.Equal(t, "receipts of 1000", len(read[[]receipt](t, b.post(t, many(1000), nil))), 1000)
	a = b.post(t, syncJob+strings.Repeat(" ", 2<<20), nil)
	jobstest.Equal(t, "status of 2 MiB", a.status, http.StatusRequestEntityTooLarge)
}

func TestPostRefusesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	args := `"args":{"organizationId":"11111111-1111-4111-8111-111111111111"}`
	for name, c := range map[string]struct {
		body string
		want []enqueue.ItemError // without their messages
	}{
		"empty":             {``, []enqueue.ItemError{{Index: 0, Field: "body"}}},
		"not JSON":          {`{`, []enqueue.ItemError{{Index: 0, Field: "body"}}},
		"array not closed":  {`[` + syncJob, []enqueue.ItemError{{Index: 0, Field: "body"}}},
		"empty array":       {`[]`, []enqueue.ItemError{{Index: 0, Field: "body"}}},
		"null":              {`null`, []enqueue.ItemError{{Index: 0, Field: "body"}}},
		"text":              {`"sync"`, []enqueue.ItemError{{Index: 0, Field: "body"}}},
		"two objects":       {syncJob + syncJob, []enqueue.ItemError{{Index: 0, Field: "body"}}},
		"unknown field":     {`{"kind":"sync","queue":"x",` + args + `}`, []enqueue.ItemError{{Index: 0, Field: "queue"}}},
		"no kind":           {`{` + args + `}`, []enqueue.ItemError{{Index: 0, Field: "kind"}}},
		"unknown kind":      {`{"kind":"redeem_v2",` + args + `}`, []enqueue.ItemError{{Index: 0, Field: "kind"}}},
		"kind of ours":      {`{"kind":"sweep","args":{"tick":1}}`, []enqueue.ItemError{{Index: 0, Field: "kind"}}},
		"no args":           {`{"kind":"sync"}`, []enqueue.ItemError{{Index: 0, Field: "args"}}},
		"wrong type":        {`{"kind":1,` + args + `}`, []enqueue.ItemError{{Index: 0, Field: "kind"}}},
		"unknown argument":  {`{"kind":"sync","args":{"org":1}}`, []enqueue.ItemError{{Index: 0, Field: "org"}}},
		"several arguments": {`{"kind":"redeem","args":{}}`, []enqueue.ItemError{{Index: 0, Field: "organizationId"}, {Index: 0, Field: "organizationUserId"}, {Index: 0, Field: "sponsoredEmail"}}},
		"in an array":       {`[` + syncJob + `,{"kind":"x"},` + redeemJob("me") + `]`, []enqueue.ItemError{{Index: 1, Field: "kind"}, {Index: 2, Field: "organizationUserId"}}},
	} {
		a := b.post(t, c.body, nil)
		jobstest.Equal(t, name+": status", a.status, http.StatusBadRequest)
		p := a.problem(t)
		jobstest.Equal(t, name+": code", p.Code, fault.InvalidArguments)
		jobstest.Equal(t, name+": number of errors", len(p.Errors), len(c.want))
		for i, e := range p.Errors {
			if e.Message == "" {
				t.Errorf("%s: error %d has no message", name, i)
			}
			e.Message = ""
			jobstest.Equal(t, name, e, c.want[min(i, len(c.want)-1)])
		}
	}
	jobstest.Equal(t, "jobs", b.jobCount(t), 0)
}

// A copy that a busy machine does not answer in time (503) comes again, as a hook's would: it may
// have been the first.
func TestAHundredCopiesMakeOneJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids, firsts, unanswered := map[string]bool{}, 0, 0
	var mu sync.Mutex
	var running sync.WaitGroup
	once := func() (answered bool) {
		_, a := b.send(t, call{method: "POST", path: "/v1/jobs", body: syncJob, header: map[string]string{"Idempotency-Key": `"same"`}})
		mu.Lock()
		defer mu.Unlock()
		if a.status == http.StatusServiceUnavailable {
			unanswered++
			return false
		}
		jobstest.Equal(t, "status", a.status, http.StatusAccepted)
		r := read[receipt](t, a)
		ids[r.ID] = true
		if !r.Duplicate {
			firsts++
		}
		return true
	}
	for range 100 {
		running.Go(func() {
			for range 20 {
				if once() {
					return
				}
			}
			t.Error("a copy is never answered")
		})
	}
	running.Wait()
	jobstest.Equal(t, "ids", len(ids), 1)
	if firsts > 1 || firsts == 0 && unanswered == 0 {
		t.Errorf("%d answers are no duplicate, and %d copies were not answered in time", firsts, unanswered)
	}
	jobstest.Equal(t, "jobs", b.jobCount(t), 1)
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := func(name, text string) map[string]string { return map[string]string{name: text} }
	first := read[receipt](t, b.post(t, syncJob, key("Idempotency-Key", `"k-\"1\""`)))
	jobstest.Equal(t, "bare webhook-id is the same key",
		read[receipt](t, b.post(t, syncJob, key("webhook-id", `k-"1"`))), receipt{first.ID, first.Kind, true})

	a := b.post(t, redeemJob(user1), key("Idempotency-Key", `"k-\"1\""`))
	jobstest.Equal(t, "another body", a.status, http.StatusUnprocessableEntity)
	jobstest.Equal(t, "code", a.problem(t).Code, fault.IdempotencyKeyReused)

	other := read[receipt](t, b.post(t, syncJob, key("Idempotency-Key", "another")))
	jobstest.Equal(t, "another key is a duplicate", other.Duplicate, false)
	plain := read[receipt](t, b.post(t, syncJob, nil))
	jobstest.Equal(t, "no key is a duplicate", plain.Duplicate, false)

	for _, bad := range []string{`"open`, `""`, `"a"b`, `"a\b"`, strings.Repeat("k", 256), "k\u00e9"} {
		a := b.post(t, syncJob, key("Idempotency-Key", bad))
		jobstest.Equal(t, bad, a.status, http.StatusBadRequest)
		jobstest.Equal(t, bad, a.problem(t).Errors[0].Field, "Idempotency-Key")
	}
	jobstest.Equal(t, "jobs", b.jobCount(t), 3)
}

func TestARepeatAfterCompletionIsADuplicate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := map[string]string{"Idempotency-Key": "k"}
	first := read[receipt](t, b.post(t, syncJob, key))
	b.runAll(t)
	done := read[map[string]any](t, b.get(t, "/v1/jobs/"+first.ID))
	jobstest.Equal[any](t, "state", done["state"], "done")
	jobstest.Equal(t, "repeat", read[receipt](t, b.post(t, syncJob, key)), receipt{first.ID, first.Kind, true})
	jobstest.Equal(t, "jobs", b.jobCount(t), 1)
}

// runAll is a worker for which every job succeeds.
func (b *bundle) runAll(t *testing.T) {
	t.Helper()
	server := asynq.NewServerFromRedisClient(b.redis, asynq.Config{
		Queues: map[string]int{string(jobs.QueueUrgent): 1}, LogLevel: asynq.FatalLevel, TaskCheckInterval: 10 * time.Millisecond})
	jobstest.Must(t, server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return nil })))
	idle := func() bool {
		for _, d := range jobstest.Value(enqueue.Depths(t.Context(), b.redis))(t) {
			if d.Pending+d.Active > 0 {
				return false
			}
		}
		return true
	}
	jobstest.Eventually(t, jobstest.Timeout, idle)
	server.Shutdown()
}

func TestJobUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.get(t, "/v1/jobs/none")
	jobstest.Equal(t, "status", a.status, http.StatusNotFound)
	jobstest.Equal(t, "code", a.problem(t).Code, fault.NotFound)
}

func TestRedisAwayIsSaidWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	for name, redisURL := range map[string]string{"hangs": "redis://" + silent(t), "refuses": "redis://" + nobody(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
			t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
			b := setupOn(t, stack, redisURL)
			organization := "/v1/organizations/" + string(acme)
			var running sync.WaitGroup
			for _, c := range []call{
				{method: "POST", path: "/v1/jobs", body: syncJob},
				{method: "POST", path: "/v1/jobs", body: syncJob, header: map[string]string{"Idempotency-Key": "k"}},
				{method: "GET", path: "/v1/jobs/x"},
				{method: "GET", path: "/v1/organizations"},
				{method: "GET", path: organization},
				{method: "GET", path: organization + "/sponsorships"},
				{method: "PUT", path: organization + "/connection", body: connectBody},
			} {
				running.Go(func() { b.requireUnavailable(t, c) })
			}
			running.Wait()
			b.requireHealthWithoutRedis(t)
		})
	}
}

func (b *bundle) requireUnavailable(t *testing.T, c call) {
	t.Helper()
	begin := time.Now()
	a := b.do(t, c)
	if took := time.Since(begin); took > 2*time.Second { // longer than most callers wait
		t.Errorf("%s %s took %v", c.method, c.path, took)
	}
	jobstest.Equal(t, c.path, a.status, http.StatusServiceUnavailable)
	jobstest.Equal(t, c.path, a.problem(t).Code, fault.QueueUnavailable)
	jobstest.Equal(t, c.path, a.header.Get("Retry-After"), "5")
}

func (b *bundle) requireHealthWithoutRedis(t *testing.T) {
	t.Helper()
	ready := b.do(t, call{method: "GET", path: "/readyz", anonymous: true})
	jobstest.Equal(t, "readyz", ready.status, http.StatusServiceUnavailable)
	said := read[readiness](t, ready)
	jobstest.Equal(t, "readyz", said.Status+" "+said.Checks["redis"]+" "+said.Checks["nats"]+" "+said.Checks["outbox"], "not ready away ok unknown")
	jobstest.Equal(t, "healthz", b.do(t, call{method: "GET", path: "/healthz", anonymous: true}).status, http.StatusOK)
	metrics := string(b.get(t, "/metrics").body)
	if !strings.Contains(metrics, "sponsorsync_redis_up 0") || strings.Contains(metrics, "sponsorsync_outbox_depth") {
		t.Errorf("metrics invent numbers:\n%s", metrics)
	}
}

// silent is an address that takes connections and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	listener := jobstest.Value(net.Listen("tcp", "127.0.0.1:0"))(t)
	var mu sync.Mutex
	var open []net.Conn
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	return listener.Addr().String()
}

// nobody is an address where nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	listener := jobstest.Value(net.Listen("tcp", "127.0.0.1:0"))(t)
	jobstest.Must(t, listener.Close())
	return listener.Addr().String()
}
