package boot_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

func TestNobodyTracesUnlessAskedTo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]config.Traces{
		"no endpoint":  {},
		"switched off": {Endpoint: "http://127.0.0.1:1", Disabled: true},
		"no exporter":  {URL: "http://127.0.0.1:1/x", Exporter: "none"},
	} {
		provider, flush, err := boot.Traces(c, "worker", zerolog.Nop())
		if provider != nil || err != nil {
			t.Errorf("%s: got %v, %v", name, provider, err)
		}
		flush()
	}
}

func TestSpansReachTheCollectorAndItsFailureIsTold(t *testing.T) {
	t.Parallel()
	var refuses atomic.Bool
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := jobstest.Value(io.ReadAll(r.Body))(t)
		if refuses.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		got <- r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(body)
	}))
	t.Cleanup(server.Close)
	trace := func(log io.Writer) {
		provider, flush, err := boot.Traces(config.Traces{
			URL: server.URL + "/own", Headers: secret.Text("authorization=Bearer%20key"), Service: "ours", Resource: "team=a, site=b",
		}, "sponsorsync-worker", zerolog.New(log))
		jobstest.Must(t, err)
		_, end := tracing.Begin(t.Context(), provider, tracing.Span{Name: "a span"})
		end(nil)
		flush()
	}
	trace(io.Discard)
	text := <-got
	for _, want := range []string{"/own Bearer key ", "a span", "service.name", "ours", "team", "site"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	refuses.Store(true)
	var log bytes.Buffer
	trace(&log)
	if text := log.String(); !strings.Contains(text, "401 Unauthorized") || !strings.Contains(text, "OTEL_EXPORTER_OTLP_ENDPOINT") {
		t.Errorf("the log says %q", text)
	}
}

func TestHeadersAreNamesAndValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]config.Traces{
		"OTEL_EXPORTER_OTLP_HEADERS": {Endpoint: "http://127.0.0.1:1", Headers: "secret-key"},
		"OTEL_RESOURCE_ATTRIBUTES":   {Endpoint: "http://127.0.0.1:1", Resource: "=b"},
	} {
		_, _, err := boot.Traces(c, "worker", zerolog.Nop())
		if _, is := errors.AsType[*config.Error](err); !is || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret-key") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
