package api

import (
	"context"
	"net/http"
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

// getReadiness asks both, each with its own timeout.
func (a *API) getReadiness(w http.ResponseWriter, r *http.Request) error {
	h := health{Status: "ready", Checks: map[string]string{}}
	status := http.StatusOK
	for name, ask := range map[string]func(context.Context) error{
		"redis": func(ctx context.Context) error { return a.p.Redis.Ping(ctx).Err() },
		"nats":  a.p.JetStream.Conn().FlushWithContext,
	} {
		ctx, cancel := context.WithTimeout(r.Context(), CommandTimeout)
		h.Checks[name] = "ok"
		if ask(ctx) != nil {
			h.Checks[name], h.Status, status = "away", "not ready", http.StatusServiceUnavailable
		}
		cancel()
	}
	return writeJSON(w, status, h)
}
