package monitor

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"github.com/sponsorsync/sponsorsync/internal/health"
)

// readiness is open to everybody, so it names no address.
type readiness struct {
	Status string            `json:"status"` // ready, degraded or not ready
	Checks map[string]string `json:"checks"` // each part by name: ok, or what is amiss
}

// ready names each part. Only Redis decides: without NATS, jobs are carried out
// all the same, and their events wait.
func (m *Monitor) ready(w http.ResponseWriter, r *http.Request) {
	found := health.Brief(r.Context(), health.Source{
		Redis: m.p.Redis, Ledger: m.p.Ledger, Jobs: m.jobs, Now: m.p.Now, Timeout: probeTimeout,
		NATS: func(context.Context) error { return m.p.NATS() },
	})
	answer := readiness{Status: "ready", Checks: found.Words()}
	delete(answer.Checks, health.PartWorker) // which is this one
	answer.Checks["workers"] = m.older()
	for _, word := range answer.Checks {
		if word != "ok" {
			answer.Status = "degraded"
		}
	}
	status := http.StatusOK
	if found.Part(health.PartRedis).Status == health.Fail {
		answer.Status, status = "not ready", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the prober may be gone
}

func (m *Monitor) older() string {
	if m.p.Older == nil {
		return "ok"
	}
	return cmp.Or(m.p.Older(), "ok")
}
