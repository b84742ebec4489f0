package monitor_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/monitor"
)

type answer struct {
	Status string
	Checks map[string]string
}

// Without NATS a worker does its work all the same; without Redis it cannot.
func TestReadinessNamesEachPart(t *testing.T) {
	t.Parallel()
	store := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: store.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	ledger := state.New(rdb, nil)
	ledger.OutboxLimit = 10
	var nats error
	older := ""
	handler := jobstest.Value(monitor.New(monitor.Params{
		Metrics: monitor.NewMetrics(), Redis: rdb, Ledger: ledger, Log: zerolog.Nop(), Now: time.Now,
		NATS: func() error { return nats }, Older: func() string { return older },
	}))(t).Handler()
	ask := func(what string, status int, want answer) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
		jobstest.Equal(t, what, w.Code, status)
		var got answer
		jobstest.Must(t, json.Unmarshal(w.Body.Bytes(), &got))
		jobstest.Equal(t, what, got.Status, want.Status)
		for part, word := range want.Checks {
			jobstest.Equal(t, what+": "+part, got.Checks[part], word)
		}
	}
	ask("no scheduler", http.StatusOK, answer{"degraded", map[string]string{"scheduler": "none has worked for a month: no daily sync starts"}})
	jobstest.Must(t, ledger.BeatScheduler(t.Context(), time.Hour))
	ask("all well", http.StatusOK, answer{"ready", map[string]string{
		"redis": "ok", "nats": "ok", "outbox": "ok", "workers": "ok", "jobs": "ok", "scheduler": "ok", "queues": "ok", "sending": "ok"}})
	jobstest.Must(t, ledger.Stop(t.Context(), "", time.Now()))
	ask("paused", http.StatusOK, answer{"degraded", map[string]string{"sending": "somebody has paused it: nothing leaves for the cloud"}})
	jobstest.Value(ledger.Go(t.Context(), ""))(t)
	older = "held back"
	ask("an older worker", http.StatusOK, answer{"degraded", map[string]string{"workers": "held back"}})
	older = ""
	nats = errors.New("nats: disconnected")
	ask("no NATS", http.StatusOK, answer{"degraded", map[string]string{"redis": "ok", "nats": "away"}})
	nats = events.CheckServer("2.9.10")
	ask("old NATS", http.StatusOK, answer{"degraded", map[string]string{"nats": "NATS 2.10 or newer is needed: this is 2.9.10"}})
	nats = nil
	jobstest.FillOutbox(t, rdb, 3, 8)
	ask("outbox near its limit", http.StatusOK, answer{"degraded", map[string]string{"outbox": "80 % full", "nats": "ok"}})
	store.Close()
	ask("no Redis", http.StatusServiceUnavailable, answer{"not ready", map[string]string{"redis": "away"}})
}
