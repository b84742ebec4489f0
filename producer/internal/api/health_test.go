package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// readiness is the body of /readyz.
type readiness struct {
	Status string
	Checks map[string]string
}

func (b *bundle) ready(t *testing.T) (int, readiness) {
	t.Helper()
	a := b.do(t, call{method: "GET", path: "/readyz", anonymous: true})
	return a.status, read[readiness](t, a)
}

// full runs the API on a stream that has room for one consumer, which a stranger
// has; make room by calling the returned function.
func full(t *testing.T) (b *bundle, makeRoom func()) {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	js := jobstest.Value(events.Connect(events.Connection{URL: stack.NATSURL()}))(t)
	t.Cleanup(js.Conn().Close)
	stream := jobstest.Value(js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: events.StreamName, Subjects: []string{"sponsorsync.>"}, MaxConsumers: 1}))(t)
	jobstest.Value(stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "stranger"}))(t)
	return setupOn(t, stack, stack.RedisURL()), func() { jobstest.Must(t, stream.DeleteConsumer(t.Context(), "stranger")) }
}

// Hooks, jobs and pages need no consumer. Who listens is told, and gets what
// happened meanwhile.
func TestServingOutlivesAConsumerLimit(t *testing.T) {
	t.Parallel()
	b, makeRoom := full(t)
	r := b.listen(t, acme, "")
	b.waitForListeners(t, 1)
	b.publish(t, acme, user1, 1)
	m, _ := r.next()
	jobstest.Equal(t, "event and data", m.event+" "+m.data, `state {"state":"late"}`)
	status, ready := b.ready(t)
	jobstest.Equal(t, "readyz", status, http.StatusOK)
	jobstest.Equal(t, "readyz", ready.Status, "degraded")
	jobstest.Equal(t, "events", ready.Checks["events"], "late")
	jobstest.Equal(t, "nats", ready.Checks["nats"], "ok")
	jobstest.Equal(t, "hook", b.post(t, syncJob, nil).status, http.StatusAccepted)
	jobstest.Equal(t, "log lines", strings.Count(b.log.String(), "maximum consumers limit reached"), 1)
	jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.AddWorker(t.Context(), state.Worker{ID: "1"}))
	jobstest.Must(t, b.ledger.BeatScheduler(t.Context(), time.Hour))
	makeRoom()
	seen := map[string]bool{}
	for range 2 { // the state and the event have no order
		m, _ := r.next()
		seen[m.event+" "+m.id] = true
		if m.event == "state" {
			jobstest.Equal(t, "state", m.data, `{"state":"live"}`)
		}
	}
	if !seen["state "] || !seen["sponsorsync.sponsorship.sent 1"] {
		t.Errorf("got %v, want the state and the event", seen)
	}
	_, ready = b.ready(t)
	jobstest.Equal(t, "readyz afterwards", ready.Status, "ready")
}

func TestReadinessNamesAnOldServer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.js = jobstest.Value(events.Connect(events.Connection{URL: jobstest.NATSOfVersion(t, "2.9.10")}))(t)
	t.Cleanup(b.js.Conn().Close)
	b.registry = prometheus.NewRegistry()
	b.serve(t)
	status, ready := b.ready(t)
	jobstest.Equal(t, "readyz", status, http.StatusOK)
	jobstest.Equal(t, "nats", ready.Checks["nats"], "NATS 2.10 or newer is needed: this is 2.9.10")
}

func TestAFullOutboxRefusesWhatWouldNotFit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ledger.OutboxLimit = 10
	jobstest.FillOutbox(t, b.redis, state.Shard(acme), 10)
	redeem := `{"kind":"redeem","args":{"organizationId":"` + string(acme) + `","organizationUserId":"` + string(user1) +
		`","sponsoredEmail":"mum@example.com"}}`
	for _, body := range []string{redeem, "[" + syncJob + "," + redeem + "]"} {
		a := b.post(t, body, nil)
		jobstest.Equal(t, "status", a.status, http.StatusServiceUnavailable)
		jobstest.Equal(t, "code", a.problem(t).Code, fault.StoreFull)
	}
	jobstest.Equal(t, "jobs", b.jobCount(t), 0)
	jobstest.Equal(t, "a sync waits for room", b.post(t, syncJob, nil).status, http.StatusAccepted)
	_, ready := b.ready(t)
	jobstest.Equal(t, "readyz", ready.Checks["outbox"], "full: no new jobs are taken, and no sync begins")
}

// The whole in one look, with what to do, for whoever has the token.
func TestStatusIsTheWholeInOneLook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Equal(t, "without a token", b.do(t, call{method: "GET", path: "/v1/status", anonymous: true}).status, http.StatusUnauthorized)
	jobstest.Equal(t, "hook", b.post(t, syncJob, nil).status, http.StatusAccepted)
	a := b.get(t, "/v1/status")
	jobstest.Equal(t, "status", a.status, http.StatusOK)
	report := read[health.Report](t, a)
	jobstest.Equal(t, "the whole", report.Status, health.Fail)
	worker := report.Part(health.PartWorker)
	jobstest.Equal(t, "worker", worker.Detail, "none runs: jobs that wait and are not carried out: 1")
	jobstest.Equal(t, "NATS", report.Part(health.PartNATS).Status, health.OK)
	_, ready := b.ready(t)
	jobstest.Equal(t, "readyz", ready.Checks["worker"], worker.Detail)
}
