package api

import (
	"context"
	"net/http"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// health is open to everybody, so it names no address and no error.
type health struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// getHealth depends on nothing: a restart of this program would not bring Redis
// back.
func getHealth(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, health{Status: "ok"})
}

// getReadiness names each part. Only Redis decides: hooks, jobs and pages need
// nothing else, and taking them out of service would not bring NATS back.
func (a *API) getReadiness(w http.ResponseWriter, r *http.Request) error {
	h := health{Status: "ready", Checks: map[string]string{"redis": "ok", "nats": a.natsHealth(r.Context()), "events": "ok", "outbox": "ok"}}
	status := http.StatusOK
	if live, _ := a.p.Hub.Live(); !live {
		h.Checks["events"] = stateLate
	}
	ctx, cancel := context.WithTimeout(r.Context(), CommandTimeout)
	defer cancel()
	fill, err := a.p.Ledger.OutboxFill(ctx)
	if err == nil {
		h.Checks["outbox"] = state.OutboxWord(fill)
	}
	for _, word := range h.Checks {
		if word != "ok" {
			h.Status = "degraded"
		}
	}
	if err != nil {
		h.Checks["redis"], h.Checks["outbox"], h.Status, status = "away", "unknown", "not ready", http.StatusServiceUnavailable
	}
	return writeJSON(w, status, h)
}

func (a *API) natsHealth(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, CommandTimeout)
	defer cancel()
	conn := a.p.JetStream.Conn()
	err := conn.FlushWithContext(ctx)
	if err == nil {
		err = events.Health(conn)
	}
	return events.HealthWord(err)
}
