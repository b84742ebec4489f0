package monitor

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"github.com/sponsorsync/sponsorsync/internal/health"
)

// ready names each part.
func (m *Monitor) ready(w http.ResponseWriter, r *http.Request) {
	found := health.Brief(r.Context(), health.Source{
		Redis: m.p.Redis, Ledger: m.p.Ledger, Jobs: m.jobs, Now: m.p.Now, Timeout: probeTimeout,
		NATS: func(context.Context) error { return m.p.NATS() },
	})
	checks := found.Words()
	delete(checks, health.PartWorker) // which is this one
	checks["workers"] = m.older()
	answer := found.Readiness(checks)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Code())
	_ = json.NewEncoder(w).Encode(answer) // the prober may be gone
}

func (m *Monitor) older() string {
	if m.p.Older == nil {
		return "ok"
	}
	return cmp.Or(m.p.Older(), "ok")
}
