package cloud_test

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// overTheNet is a client with Go's own transport and a server that hands out
// tokens and gives api everything else.
func overTheNet(t *testing.T, api http.HandlerFunc, change ...func(*cloud.Params)) bundle {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /connect/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, tokenAnswer)
	})
	mux.HandleFunc("/", api)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return setup(t, append(change, func(p *cloud.Params) {
		p.Transport = nil
		p.Config.IdentityURI, p.Config.APIURI = server.URL, server.URL
	})...)
}

func TestOverTheNet(t *testing.T) {
	t.Parallel()
	b := overTheNet(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, emptyBatch) })
	if _, err := b.Sync(t.Context(), batch()); err != nil {
		t.Fatal(err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"/elsewhere", "http://[bad/", ""} {
		var followed atomic.Bool
		b := overTheNet(t, func(w http.ResponseWriter, r *http.Request) {
			followed.Store(followed.Load() || r.URL.Path == "/elsewhere")
			w.Header()["Location"] = []string{location}
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		_, err := b.Sync(t.Context(), batch())
		if e := failure(t, err, fault.CloudProtocolError); e.Status != 307 || followed.Load() {
			t.Errorf("%q: got %+v, followed: %v", location, e, followed.Load())
		}
	}
}

func TestOversizeAnswer(t *testing.T) {
	t.Parallel()
	b := overTheNet(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, emptyBatch+strings.Repeat(" ", 1000))
	}, func(p *cloud.Params) { p.Config.MaxResponseBytes = 1000 })
	_, err := b.Sync(t.Context(), batch())
	if e := failure(t, err, fault.CloudProtocolError); e.Outage {
		t.Error("an answer is no outage")
	}
}

func TestAnswerCutOff(t *testing.T) {
	t.Parallel()
	b := overTheNet(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, emptyBatch)
	})
	_, err := b.Sync(t.Context(), batch())
	failure(t, err, fault.CloudProtocolError)
}

func TestConnectionDroppedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	b := overTheNet(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := b.Sync(t.Context(), batch())
	if e := failure(t, err, fault.CloudUnavailable); !e.Outage {
		t.Error("want an outage")
	}
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	b := setup(t, func(p *cloud.Params) {
		p.Transport = nil
		p.Config.IdentityURI = server.URL
	})
	_, err := b.Sync(t.Context(), batch())
	e := failure(t, err, fault.CloudUnavailable)
	if !e.Outage || !strings.Contains(err.Error(), strings.TrimPrefix(server.URL, "https://")) || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("got %v, want TLS and the host named", err)
	}
}

func TestNetworkFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		says string
	}{
		{"no such name", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api.example", IsNotFound: true}}, "api.example cannot be resolved; a firewall"},
		{"name server silent", &net.DNSError{Name: "proxy.example", IsTimeout: true}, "proxy.example cannot be resolved"},
		{"refused", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "refused"},
		{"reset", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, "the connection failed"},
		{"no route", &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}, "no answer within 30s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.wire.api = func(*http.Request) (*http.Response, error) { return nil, tt.err }
			_, err := b.Sync(t.Context(), batch())
			e := failure(t, err, fault.CloudUnavailable)
			if !e.Outage || e.Status != 0 || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v (%+v), want %q", err, e, tt.says)
			}
		})
	}
}

func TestPauseIsShared(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]fault.Code{429: fault.CloudRateLimited, 503: fault.CloudUnavailable} {
		b := setup(t)
		b.wire.api = always(status, "", "Retry-After", "42")
		_, err := b.Sync(t.Context(), batch())
		if e := failure(t, err, code); e.RetryAfter.Seconds() != 42 {
			t.Errorf("retry after %s", e.RetryAfter)
		}
		if len(b.limiter.pauses) != 1 {
			t.Errorf("%d: pauses %v, want one", status, b.limiter.pauses)
		}
	}
}

func TestNewChecksItsParameters(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*cloud.Params){
		"no limiter":   func(p *cloud.Params) { p.Limiter = nil },
		"no clock":     func(p *cloud.Params) { p.Now = nil },
		"no id":        func(p *cloud.Params) { p.Config.InstallationID = "" },
		"no key":       func(p *cloud.Params) { p.Config.InstallationKey = "" },
		"identity URI": func(p *cloud.Params) { p.Config.IdentityURI = "identity.example" },
		"API URI":      func(p *cloud.Params) { p.Config.APIURI = "ftp://user:" + secretKey + "@api.example" },
	}
	for name, spoil := range tests {
		p := cloud.Params{
			Limiter: &freeLimiter{}, Now: nil, Rand: func() float64 { return 0 },
			Config: cloud.Config{
				IdentityURI: "https://identity.example", APIURI: "https://api.example",
				InstallationID: installation, InstallationKey: secretKey,
			},
		}
		p.Now = now
		spoil(&p)
		_, err := cloud.New(p)
		if err == nil || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%s: got %v", name, err)
		}
		var e *fault.Error
		if wantFault := name == "no id" || name == "no key"; errors.As(err, &e) != wantFault {
			t.Errorf("%s: got %v, fault wanted: %v", name, err, wantFault)
		}
	}
}

func TestTheCloudIsToldOfNoTrace(t *testing.T) {
	t.Parallel()
	kept := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(kept))
	told := make(chan http.Header, 1)
	b := overTheNet(t, func(w http.ResponseWriter, r *http.Request) {
		told <- r.Header
		_, _ = io.WriteString(w, emptyBatch)
	}, func(p *cloud.Params) { p.Traces = provider })
	ctx, end := tracing.Begin(t.Context(), provider, tracing.Span{Name: "sync"})
	_, err := b.Sync(ctx, batch())
	jobstest.Must(t, err)
	end(nil)
	header := <-told
	if header.Get("Traceparent") != "" || header.Get("Baggage") != "" {
		t.Errorf("the cloud gets %v", header)
	}
	names := []string{}
	for _, span := range kept.Ended() {
		names = append(names, span.Name())
	}
	if !slices.Contains(names, "HTTP POST") {
		t.Errorf("got the spans %v", names)
	}
}
