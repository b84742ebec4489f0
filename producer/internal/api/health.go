package api

import (
	"context"
	"net/http"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/health"
)

// readiness is open to everybody, so it names no address and no error.
type readiness struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// getHealth depends on nothing: a restart of this program would not bring Redis
// back.
func getHealth(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, readiness{Status: "ok"})
}

// healthTimeout bounds a look at the whole.
const healthTimeout = 5 * time.Second

// getStatus is the whole in one look. It answers 200 also while something is wrong:
// what is wrong is the answer.
func (a *API) getStatus(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, a.Health(r.Context()))
}

// Health is the whole in one look.
func (a *API) Health(ctx context.Context) health.Report { return health.Look(ctx, a.health) }

// getReadiness names each part. Only Redis decides: hooks, jobs and pages need
// nothing else, and taking them out of service would not bring a worker or NATS back.
func (a *API) getReadiness(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), CommandTimeout)
	defer cancel()
	found := health.Brief(ctx, a.health)
	ready := readiness{Status: "ready", Checks: found.Words()}
	if live, _ := a.p.Hub.Live(); !live {
		ready.Checks["events"] = stateLate
	} else {
		ready.Checks["events"] = "ok"
	}
	for _, word := range ready.Checks {
		if word != "ok" {
			ready.Status = "degraded"
		}
	}
	status := http.StatusOK
	if found.Part(health.PartRedis).Status == health.Fail {
		ready.Status, status = "not ready", http.StatusServiceUnavailable
	}
	return writeJSON(w, status, ready)
}
