package monitor_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/metricsdoc"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/monitor"
)

// params are of a worker whose NATS is away.
func params(t *testing.T) (monitor.Params, *miniredis.Miniredis) {
	t.Helper()
	store := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: store.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	return monitor.Params{
		Listen: "127.0.0.1:0", Metrics: monitor.NewMetrics(), Redis: rdb, Ledger: state.New(rdb, nil), Now: time.Now,
		NATS: func() error { return errors.New("away") },
	}, store
}

func get(t *testing.T, m *monitor.Monitor, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w
}

// A restart would bring back neither.
func TestHealthDoesNotDependOnRedisOrNATS(t *testing.T) {
	t.Parallel()
	p, store := params(t)
	m := jobstest.Value(monitor.New(p))(t)
	store.Close()
	jobstest.Equal(t, "/healthz", get(t, m, "/healthz").Code, http.StatusOK)
}

// Dashboards and alerts go by these names and labels.
func TestMetricNames(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	m := jobstest.Value(monitor.New(p))(t)
	p.Metrics.Job("redeem", "done", time.Second)
	p.Metrics.CloudRequest("sync", "ok", time.Second)
	p.Metrics.Waited(time.Second)
	p.Metrics.ClockSkew(2 * time.Second)
	p.Metrics.Synced("", time.Unix(1234567890, 0))
	relayed := p.Metrics.Relay()
	relayed.Published(3)
	relayed.Failed()
	relayed.SetAside(4)
	relayed.Duplicate(5)
	jobstest.Must(t, p.Ledger.BeatScheduler(t.Context(), time.Minute))
	text := get(t, m, "/metrics").Body.String()
	for _, line := range []string{
		`sponsorsync_jobs_processed_total{kind="redeem",outcome="done"} 1`,
		`sponsorsync_job_duration_seconds_sum{kind="redeem"} 1`,
		`sponsorsync_cloud_requests_total{code="ok",operation="sync"} 1`,
		`sponsorsync_cloud_request_duration_seconds_sum{operation="sync"} 1`,
		`sponsorsync_cloud_limiter_wait_seconds_sum 1`,
		`sponsorsync_clock_skew_seconds 2`,
		`sponsorsync_last_successful_sync_timestamp_seconds 1.23456789e+09`,
		`sponsorsync_events_published_total 3`,
		`sponsorsync_relay_failures_total 1`,
		`sponsorsync_events_set_aside_total 4`,
		`sponsorsync_events_duplicate_total 5`,
		`sponsorsync_outbox_depth 0`,
		`sponsorsync_redis_up 1`,
		`sponsorsync_nats_up 0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	metricsdoc.Check(t, metricsdoc.Worker, []byte(text))
}

func TestWhatAMonitorNeeds(t *testing.T) {
	t.Parallel()
	for part, without := range map[string]func(*monitor.Params){
		"metrics": func(p *monitor.Params) { p.Metrics = nil },
		"NATS":    func(p *monitor.Params) { p.NATS = nil },
		"Redis":   func(p *monitor.Params) { p.Redis = nil },
		"ledger":  func(p *monitor.Params) { p.Ledger = nil },
		"clock":   func(p *monitor.Params) { p.Now = nil },
	} {
		p, _ := params(t)
		without(&p)
		if _, err := monitor.New(p); err == nil {
			t.Errorf("made without its %s", part)
		}
	}
	p, _ := params(t)
	_ = jobstest.Value(monitor.New(p))(t)
	if _, err := monitor.New(p); err == nil {
		t.Error("two monitors of the same metrics")
	}
}
