package monitor

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// readiness is open to everybody, so it names no address.
type readiness struct {
	Status string            `json:"status"` // ready, degraded or not ready
	Checks map[string]string `json:"checks"` // each part by name: ok, or what is amiss
}

// ready names each part. Only Redis decides: without NATS, jobs are carried out
// all the same, and their events wait.
func (m *Monitor) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	answer := readiness{Status: "ready", Checks: map[string]string{"redis": "ok", "nats": events.HealthWord(m.p.NATS()), "outbox": "ok", "workers": m.older()}}
	status := http.StatusOK
	fill, err := m.p.Ledger.OutboxFill(ctx)
	if err == nil {
		answer.Checks["outbox"] = state.OutboxWord(fill)
	}
	if ended, endedErr := m.jobs.EndedFill(ctx); endedErr == nil {
		answer.Checks["dead jobs"] = enqueue.EndedWord(ended)
	}
	for _, word := range answer.Checks {
		if word != "ok" {
			answer.Status = "degraded"
		}
	}
	if err != nil {
		answer.Checks["redis"], answer.Checks["outbox"], answer.Status = "away", "unknown", "not ready"
		status = http.StatusServiceUnavailable
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
