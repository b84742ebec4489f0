package prometheus

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"testing"
)

// ask takes one answer of Prometheus' API.
func ask(t *testing.T, path string, query url.Values, into any) {
	t.Helper()
	server := os.Getenv("SPONSORSYNC_TEST_PROMETHEUS")
	if server == "" {
		t.Skip("make watch runs this against a Prometheus that scrapes both programs")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+path+"?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %v: %s: %v", path, query, answer.Status, err)
	}
}

func TestTheBoardShowsARealRun(t *testing.T) {
	t.Parallel()
	for panel, expr := range expressions(t) {
		var got struct{ Data struct{ Result []any } }
		ask(t, "/api/v1/query", url.Values{"query": {expr}}, &got)
		if len(got.Data.Result) == 0 {
			t.Errorf("%s shows nothing: %s", panel, expr)
		}
	}
}

func TestTheRulesFindARealRunWell(t *testing.T) {
	t.Parallel()
	var got struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, State, Health string }
			}
		}
	}
	ask(t, "/api/v1/rules", nil, &got)
	if len(got.Data.Groups) != 1 || len(got.Data.Groups[0].Rules) == 0 {
		t.Fatalf("Prometheus has no rules: %+v", got)
	}
	for _, r := range got.Data.Groups[0].Rules {
		if r.Health != "ok" || r.State != "inactive" {
			t.Errorf("%s: %s, %s", r.Name, r.Health, r.State)
		}
	}
}
