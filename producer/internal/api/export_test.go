package api

import (
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// Figures is what the metrics say of organizations, by name and the labels' values.
func Figures(all []view.Organization, now time.Time) map[string]float64 {
	figures := map[string]float64{}
	name := regexp.MustCompile(`fqName: "sponsorsync_([a-z_]+)"`)
	show(all, now, func(d *prometheus.Desc, value float64, labels ...string) {
		figures[strings.Join(append(name.FindStringSubmatch(d.String())[1:], labels...), " ")] = value
	})
	return figures
}

// Hurry bounds a replay.
func (h *Hub) Hurry(d time.Duration) { h.replayTime = d }

// Replays is how many run.
func (h *Hub) Replays() int { return len(h.replays) }

// Document is the embedded OpenAPI document.
var Document = document

// Patterns are the API's routes.
func Patterns() []string {
	var patterns []string
	for _, r := range (&API{}).routes() {
		patterns = append(patterns, r.pattern)
	}
	return patterns
}

// Beat makes event streams look after their readers more often.
func (a *API) Beat(every time.Duration) { a.beat = every }
