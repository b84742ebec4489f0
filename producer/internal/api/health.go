package api

import (
	"context"
	"net/http"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/health"
)

// getHealth depends on nothing: a restart of this program would not bring Redis
// back.
func getHealth(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, health.Readiness{Status: "ok"})
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

// getReadiness names each part, and whether events arrive live.
func (a *API) getReadiness(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), CommandTimeout)
	defer cancel()
	found := health.Brief(ctx, a.health)
	checks := found.Words()
	checks["events"] = "ok"
	if live, _ := a.p.Hub.Live(); !live {
		checks["events"] = stateLate
	}
	ready := found.Readiness(checks)
	return writeJSON(w, ready.Code(), ready)
}
