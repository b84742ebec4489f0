package api

import (
	"encoding/json"
	"net/http"

	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// retryAfter is what a caller is told to wait while Redis is away, in seconds:
// a restart takes about that long.
const retryAfter = "5"

func writeProblem(w http.ResponseWriter, p view.Problem) {
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="sponsorsync"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", view.Seconds(p.RetryAfter))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	write(w, p.Status, p)
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	write(w, status, body)
	return nil
}

func write(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // hints hold "Billing > Subscription"; nobody reads JSON as HTML here (nosniff)
	_ = e.Encode(body)     // fails only when the reader is gone
}
