package api

import "time"

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
