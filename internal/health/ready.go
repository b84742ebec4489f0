package health

import "net/http"

// Readiness is the answer to a probe that is open to everybody, so it names no address and no
// error.
type Readiness struct {
	Status string            `json:"status"`           // ready, degraded or not ready
	Checks map[string]string `json:"checks,omitempty"` // each by name: ok, or what is amiss
}

const notReady = "not ready"

// Readiness judges the checks, which are [Report.Words] and what a program adds to them. Only
// Redis decides: without anything else jobs are taken on and carried out, or wait, and taking a
// program out of service would not bring the rest back.
func (r Report) Readiness(checks map[string]string) Readiness {
	ready := Readiness{Status: "ready", Checks: checks}
	for _, word := range checks {
		if word != "ok" {
			ready.Status = "degraded"
		}
	}
	if r.Part(PartRedis).Status == Fail {
		ready.Status = notReady
	}
	return ready
}

// Code is the HTTP status that goes with it.
func (r Readiness) Code() int {
	if r.Status == notReady {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}
