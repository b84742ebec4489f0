package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

const serveToken = "a-token-of-the-tests-of-serve-of-32"

// served is a serve that runs.
type served struct {
	url  string
	log  *lockedBuffer
	stop func() error // asks it to end and waits
}

// startServe runs serve on a free port and returns when it listens.
func startServe(t *testing.T, redisURL, natsURL string, more ...string) *served {
	t.Helper()
	env, err := config.Read(append(more,
		"REDIS_URL="+redisURL, "NATS_URL="+natsURL, "SPONSORSYNC_LISTEN=127.0.0.1:0",
		"SPONSORSYNC_API_TOKEN="+serveToken, "SPONSORSYNC_ENCRYPTION_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"SPONSORSYNC_SWEEP_INTERVAL=1h",
	), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{log: &lockedBuffer{}}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, env, s.log) }()
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = s.stop() })
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		s.url = s.log.field("serving", "address")
		return s.url != ""
	})
	s.url = "http://" + s.url
	return s
}

func (s *served) get(t *testing.T, path string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+serveToken)
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func (s *served) requireStatus(t *testing.T, path string, want int) {
	t.Helper()
	if got := s.get(t, path).StatusCode; got != want {
		t.Errorf("GET %s: got %d, want %d", path, got, want)
	}
}

// Not parallel: serve sets the logger of go-redis, of which a process has one.
func TestServeAnswersSweepsAndDrains(t *testing.T) {
	stack, err := jobstest.Start(jobstest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	s := startServe(t, stack.RedisURL(), stack.NATSURL())
	for _, path := range []string{"/", "/healthz", "/v1/organizations", "/openapi.yaml", "/metrics", "/static/style.css"} {
		s.requireStatus(t, path, http.StatusOK)
	}
	s.requireStatus(t, "/nowhere", http.StatusNotFound)
	rdb, err := enqueue.NewRedis(stack.RedisURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rdb.Close() }()
	jobstest.RequireEnqueued(t, rdb, func(jobs.Sweep) bool { return true })

	events := bufio.NewReader(s.get(t, "/v1/organizations/11111111-1111-4111-8111-111111111111/events").Body)
	if line, err := events.ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry:") {
		t.Fatalf("got %q, %v, want an open stream", line, err)
	}
	if err := s.stop(); err != nil { // the open stream must not hold it up
		t.Errorf("got %v, want a clean end", err)
	}
	if rest, err := io.ReadAll(events); err != nil {
		t.Errorf("the stream was cut, not ended: %v after %q", err, rest)
	}
	if strings.Contains(s.log.String(), serveToken) {
		t.Error("the log holds the token")
	}
}

func TestServeStartsWithoutRedisAndNATS(t *testing.T) {
	s := startServe(t, "redis://127.0.0.1:1/0", "nats://127.0.0.1:1")
	s.requireStatus(t, "/healthz", http.StatusOK)
	s.requireStatus(t, "/readyz", http.StatusServiceUnavailable)
	s.requireStatus(t, "/v1/organizations", http.StatusServiceUnavailable)
	if err := s.stop(); err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}

func TestServeRefusesToStart(t *testing.T) {
	t.Parallel()
	env, err := config.Read(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = serve(t.Context(), env, io.Discard)
	_, ok := errors.AsType[*config.Error](err)
	if !ok || !strings.Contains(err.Error(), "SPONSORSYNC_API_TOKEN: required") {
		t.Errorf("got %v, want a fault of the configuration that names the token", err)
	}
}

// lockedBuffer collects a log while the test reads it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// field returns a field of the line with the given message, or "".
func (b *lockedBuffer) field(message, name string) string {
	for line := range strings.Lines(b.String()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["message"] == message {
			text, _ := entry[name].(string)
			return text
		}
	}
	return ""
}
