package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// collector takes what OpenTelemetry's collector takes.
type collector struct {
	url string

	mu    sync.Mutex
	spans []*tracepb.Span
	bytes []byte
	key   string // of the last request
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var data tracepb.TracesData
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &data) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.key, c.bytes = r.Header.Get("X-Key"), append(c.bytes, body...)
		for _, resource := range data.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// below are the names of the spans of a trace, each with its parent's.
func (c *collector) below(trace string) (lines []string) {
	names := map[string]string{}
	for _, s := range c.spans {
		names[string(s.SpanId)] = s.Name
	}
	for _, s := range c.spans {
		if fmt.Sprintf("%x", s.TraceId) == trace {
			lines = append(lines, strings.TrimPrefix(names[string(s.ParentSpanId)]+" > "+s.Name, " > "))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func TestOneTraceLeadsFromTheHookToTheMailAndTheEvent(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	c := newCollector(t)
	s := start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.url, "OTEL_EXPORTER_OTLP_HEADERS=X-Key=one%20key", "SPONSORSYNC_LOG_LEVEL=debug")
	worker, server := s.worker(), s.run("producer", "serve")
	server.ready()
	s.producer("", "sync", "--org", string(org), "--wait").ok()

	body := fmt.Sprintf(`{"kind":"redeem","args":{"organizationId":%q,"organizationUserId":%q,"sponsoredEmail":%q}}`, org, user(1), address(1))
	req := jobstest.Value(http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+server.address()+"/v1/jobs", strings.NewReader(body)))(t)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+apiToken)
	req.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	res := jobstest.Value(http.DefaultClient.Do(req))(t)
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("status %d: %s", res.StatusCode, jobstest.Value(io.ReadAll(res.Body))(t))
	}
	s.await(sponsorship.Sent, 1)
	s.drained()
	worker.stop() // which flushes
	server.stop()

	c.mu.Lock()
	defer c.mu.Unlock()
	if got, want := c.below(trace), []string{
		"POST /v1/jobs", "POST /v1/jobs > run redeem", "run redeem > publish", "run redeem > run sync-pending",
		"run sync-pending > HTTP POST", "run sync-pending > publish",
	}; !slices.Equal(got, want) {
		t.Errorf("the trace has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if bytes.Contains(c.bytes, []byte("@example.com")) || c.key != "one key" {
		t.Errorf("an address is in a span, or the header is %q", c.key)
	}
	for _, e := range s.stream().stories[user(1)] {
		if !strings.HasPrefix(e.TraceParent, "00-"+trace) {
			t.Errorf("the event %s belongs to %q", e.Type, e.TraceParent)
		}
	}
	if !strings.Contains(worker.log.String(), `"trace_id":"`+trace+`"`) {
		t.Error("the log does not name the trace")
	}
}
